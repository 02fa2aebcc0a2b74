create or replace function public.fn_iu_payload_words_regexp()
returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select '(' || string_agg(w.word, '|') || ')' from public.fn_iu_payload_words() as w
$$;
comment on function public.fn_iu_payload_words_regexp() is
'The words of fn_iu_payload_words as one regular expression, for the quick check of many payloads in one
text.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_payload_words_regexp()', 'inspect');
