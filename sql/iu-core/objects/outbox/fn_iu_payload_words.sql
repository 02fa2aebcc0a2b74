create or replace function public.fn_iu_payload_words()
returns table (word text, key_pattern text, kind text)
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    values
    ('body', 'body', 'content'),
    ('content', 'content', 'content'),
    ('vector', 'vector', 'content'),
    ('embedding', 'embedding', 'content'),
    ('secret', 'secret', 'secret'),
    (
        'pass',
        '(?<![a-z])pass(?![a-z])|passw(?!ord|d|ort)|password|passwd|passwort|passphrase|passcode|passkey',
        'secret'
    ),
    ('pwd', 'pwd', 'secret'),
    ('credential', 'credential', 'secret'),
    ('token', 'token', 'secret'),
    (
        'key',
        '(api|private|access|secret|ssh|signing|encryption|decryption|master|session|shared|hmac|pgp|gpg|rsa'
        '|jwt|auth)[_.:-]*key',
        'secret'
    ),
    ('authorization', 'authorization', 'secret'),
    ('cookie', 'cookie', 'secret')
$$;
comment on function public.fn_iu_payload_words() is
'The words that no key of a payload may hold, in lower-case ASCII: word is what the quick looks search
for, key_pattern the regular expression by which the close look judges a key; it matches nothing that
does not hold the word. kind is content or secret and says which endings make a key a reference
(fn_iu_payload_key_regexp). The only list: the other forms are made from it and are constants in every
plan.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_payload_words()', 'inspect');
