create or replace function public.fn_iu_payload_words()
returns table (word text, key_pattern text)
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    values
    ('body', 'body'),
    ('content', 'content'),
    ('secret', 'secret'),
    ('pass', 'passw|passphrase'),
    ('pwd', 'pwd'),
    ('credential', 'credential'),
    ('token', 'token'),
    ('vector', 'vector'),
    ('embedding', 'embedding'),
    ('key', '(api|private|access|secret)[_.:-]?key'),
    ('authorization', 'authorization'),
    ('cookie', 'cookie')
$$;
comment on function public.fn_iu_payload_words() is
'The words that no key of a payload may hold, in lower-case ASCII: word is what the quick looks search
for, key_pattern the regular expression by which the close look judges a key; it matches nothing that
does not hold the word. The only list: the other forms are made from it and are constants in every plan.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_payload_words()', 'inspect');
