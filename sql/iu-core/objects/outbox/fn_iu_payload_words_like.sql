create or replace function public.fn_iu_payload_words_like()
returns bytea[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(cast('%' || w.word || '%' as bytea)) from public.fn_iu_payload_words() as w
$$;
comment on function public.fn_iu_payload_words_like() is
'The words of fn_iu_payload_words as LIKE patterns over bytes, for the quick check of one payload.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_payload_words_like()', 'inspect');
