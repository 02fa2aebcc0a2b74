create or replace function public.fn_iu_target_secret(target_ref text)
returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        -- A number that ends the address, or precedes / ? or #, is a port.
        when target_ref ~* '://[^:/?#\s]*:(?![0-9]{1,5}([/?#]|$))[^\s]*@' then 'a password before @'
        when target_ref ~* '^\s*https?://[^/?#\s]*@' then 'a user name or token before @'
        when target_ref ~ '^\s*[^\s/@:]+:[^\s/@]+@[^\s@]'
            and target_ref !~* '^\s*(mailto|sips?|xmpp|acct):' then 'a password before @'
        when target_ref ~ '-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY' then 'the header of a private key'
        when target_ref ~* '\mbearer\s+[a-z0-9._~+/-]{8}|\mbasic\s+[a-z0-9+/]{8}'
            then 'the value of an authorization header'
        when target_ref ~ concat(
            '\m(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.|gh[pousr]_[A-Za-z0-9]{20}|github_pat_|glpat-',
            '|xox[abeprs]-|sk_live_|rk_live_|AKIA[A-Z0-9]{16})'
        ) then 'a token'
        else (
            select format('a value for the parameter %L', word.name)
            from regexp_matches(
                target_ref, '([^\s=?&;#,/@{"'']+)(?:\s*=|["'']\s*:)\s*[^\s&;#,]', 'g'
            ) as given (parts)
            cross join lateral (
                select w.word from public.fn_iu_payload_words() as w
                where w.kind = 'secret' and given.parts[1] ~* w.key_pattern
                    and given.parts[1] ~* public.fn_iu_payload_key_regexp()
                union all
                select lower(substring(given.parts[1] from '(?i)^(account[_-]?key|key|sig|auth|jwt|sas)s?$'))
                union all
                select lower(substring(given.parts[1] from '(?i)signature$'))
            ) as word (name)
            where word.name is not null
            limit 1
        )
    end
$$;
comment on function public.fn_iu_target_secret(text) is
'What the address of a target contains that is a secret, in words that do not show it; null if nothing was
found: a password before @, a parameter whose name denotes a secret (fn_iu_payload_words), a private key, or a
token of a known form. A guard against accidents and no proof that an address is harmless.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_target_secret(text)', 'inspect');
