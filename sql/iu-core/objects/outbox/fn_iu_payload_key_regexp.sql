create or replace function public.fn_iu_payload_key_regexp()
returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- A word is allowed if only such endings follow it: body_id, content_type, tokens_count.
    select string_agg(format('(%s)(?!s?([_.:-]*(%s)s?)+$)', k.patterns, case k.kind
        when 'content' then
            'id|ref|type|kind|count|version|hash|sha256|digest|byte|size|length|format|encoding'
        else 'id|ref|type|kind|count|version'
    end), '|' order by k.kind)
    from (
        select w.kind, string_agg(w.key_pattern, '|') as patterns
        from public.fn_iu_payload_words() as w group by w.kind
    ) as k
$$;
comment on function public.fn_iu_payload_key_regexp() is
'The patterns of fn_iu_payload_words as one regular expression for the names of keys. A word is not matched if
the key ends right after it with suffixes that make it a reference or a measure: id, ref, type, kind, count,
version; for words of kind content also hash, sha256, digest, bytes, size, length, format and encoding.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_payload_key_regexp()', 'inspect');
