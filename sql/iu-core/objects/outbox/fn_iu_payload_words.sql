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
'The words that the names of payload keys must not contain, in lower-case ASCII. word: what the quick checks
search for. key_pattern: the regular expression for names of keys; it matches only text that contains the
word. kind: content or secret; it decides which suffixes make a key a reference (fn_iu_payload_key_regexp).
This is the only list: the other forms are derived from it, as constants of each plan.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_payload_words()', 'inspect');
