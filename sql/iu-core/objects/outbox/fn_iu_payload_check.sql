create or replace function public.fn_iu_payload_check(safe_payload jsonb, listed_keys text[] default null)
returns void
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    v_bytes int := octet_length(safe_payload::text);
    v_keys jsonb;
    v_key text;
    v_numbers int;
begin
    if v_bytes > 8192 then
        raise exception 'payload of % bytes is larger than 8192', v_bytes using
            errcode = 'IU102',
            hint = 'Send references and counts, and leave the content where it is stored.';
    end if;
    if jsonb_path_exists(safe_payload, 'strict $.**{33}') then
        raise exception 'payload is nested deeper than 32 levels' using
            errcode = 'IU102',
            hint = 'Send references and counts, and leave the content where it is stored.';
    end if;
    -- Keys of the top level that the registry lists for the type are not checked; keys below them are.
    v_keys := jsonb_path_query_array(
        safe_payload, 'strict $.**{1 to last} ? (@.type() == "object").keyvalue().key'
    ) || jsonb_path_query_array(
        case when listed_keys is null then safe_payload else safe_payload - listed_keys end,
        'strict $ ? (@.type() == "object").keyvalue().key'
    );
    for v_key in
        select k.key from jsonb_array_elements_text(v_keys) as k (key)
        where lower(v_keys::text collate "C") ~ public.fn_iu_payload_words_regexp()
            or v_keys::text ~ '[^A-Za-z0-9_.:"-][^"]*"[],]|""|\\'
    loop
        -- The key as given, and with its words separated, so that userPass is checked as user_Pass.
        if v_key ~* public.fn_iu_payload_key_regexp()
            or regexp_replace(v_key, '([a-z0-9])([A-Z])', '\1_\2', 'g') ~* public.fn_iu_payload_key_regexp()
        then
            raise exception 'payload is not refs-only: key %', quote_literal(left(v_key, 100)) using
                errcode = 'IU103',
                hint = 'No key may name a body, secret or vector. Send a reference, under a key such as '
                    'body_id or secret_ref, or list the key in payload_keys of the type. The check of names '
                    'guards against accidents. It is no proof that a value is harmless.';
        elsif v_key !~ '^[A-Za-z0-9_.:-]+$' then
            raise exception 'payload is not refs-only: key % has characters other than A-Z a-z 0-9 _ . : -',
                quote_literal(left(v_key, 100)) using
                errcode = 'IU103',
                hint = 'Use plain ASCII in the names of keys, so that they can be checked.';
        end if;
    end loop;
    if safe_payload::text ~ '-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY' then
        raise exception 'payload is not refs-only: a value contains the header of a private key' using
            errcode = 'IU103',
            hint = 'Send a reference to the key instead.';
    end if;
    select max((select count(*) from jsonb_array_elements(a.items) as i where jsonb_typeof(i) = 'number'))
    into v_numbers
    from jsonb_path_query(safe_payload, 'strict $.** ? (@.type() == "array" && @.size() > 16)') as a (items);
    if v_numbers > 16 then
        raise exception 'payload is not refs-only: an array of % numbers', v_numbers using
            errcode = 'IU103',
            hint = 'An array of more than 16 numbers counts as a vector. Send a reference to it instead.';
    end if;
end
$$;
comment on function public.fn_iu_payload_check(jsonb, text[]) is
'Complete check of a payload that is an object. Raises IU102 if it is larger than 8 KiB as text or nested
deeper than 32 levels. Raises IU103 if the name of a key at any depth contains a word for a body, secret or
vector, in any case (fn_iu_payload_key_regexp), or is not plain ASCII; if an array at any depth has more than
16 numbers; or if a value contains the header of a private key. Values are not checked otherwise. listed_keys
are names of the top level that are not checked.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_payload_check(jsonb, text[])',
    'inspect'
);
