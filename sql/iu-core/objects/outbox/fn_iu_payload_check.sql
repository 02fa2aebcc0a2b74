create or replace function public.fn_iu_payload_check(safe_payload jsonb)
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
            hint = 'An event carries references and counts; leave the rest where it is kept.';
    end if;
    if jsonb_path_exists(safe_payload, 'strict $.**{33}') then
        raise exception 'payload is nested deeper than 32 levels' using
            errcode = 'IU102',
            hint = 'An event carries references and counts; leave the rest where it is kept.';
    end if;
    v_keys := jsonb_path_query_array(safe_payload, 'strict $.** ? (@.type() == "object").keyvalue().key');
    for v_key in
        select k.key from jsonb_array_elements_text(v_keys) as k (key)
        where lower(v_keys::text collate "C") ~ public.fn_iu_payload_words_regexp()
            or v_keys::text ~ '[^A-Za-z0-9_.:"-][^"]*"[],]|""|\\'
    loop
        if v_key ~* public.fn_iu_payload_key_regexp() then
            raise exception 'payload is not refs-only: key %', quote_literal(left(v_key, 100)) using
                errcode = 'IU103',
                hint = 'Send a reference to it instead; no key may name a body, secret or vector.';
        elsif v_key !~ '^[A-Za-z0-9_.:-]+$' then
            raise exception 'payload is not refs-only: key % holds other characters than A-Z a-z 0-9 _ . : -',
                quote_literal(left(v_key, 100)) using
                errcode = 'IU103',
                hint = 'Name the keys in plain ASCII, so that what they hold can be judged.';
        end if;
    end loop;
    select max((select count(*) from jsonb_array_elements(a.items) as i where jsonb_typeof(i) = 'number'))
    into v_numbers
    from jsonb_path_query(safe_payload, 'strict $.** ? (@.type() == "array" && @.size() > 16)') as a (items);
    if v_numbers > 16 then
        raise exception 'payload is not refs-only: an array of % numbers', v_numbers using
            errcode = 'IU103',
            hint = 'More than 16 numbers in a row are a vector. Send a reference to it instead.';
    end if;
end
$$;
comment on function public.fn_iu_payload_check(jsonb) is
'The close look at a payload that is an object. Raises IU102 where it is larger than 8 KiB as text
or nested deeper than 32 levels, and IU103 where a key at any depth names a body, secret or vector (in any
case, as a part of the key too) or is not plain ASCII, or an array at any depth holds more than 16
numbers.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_payload_check(jsonb)', 'inspect');
