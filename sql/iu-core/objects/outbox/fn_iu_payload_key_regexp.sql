create or replace function public.fn_iu_payload_key_regexp()
returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select '(' || string_agg(w.key_pattern, '|') || ')' from public.fn_iu_payload_words() as w
$$;
comment on function public.fn_iu_payload_key_regexp() is
'The patterns of fn_iu_payload_words as one regular expression, by which the close look judges a key.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_payload_key_regexp()', 'inspect');
