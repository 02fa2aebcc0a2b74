create or replace function public.fn_iu_payload_keys_require(payload_keys text[])
returns void
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    v_key text;
begin
    foreach v_key in array coalesce(payload_keys, '{}') loop
        if (v_key ~ '^[A-Za-z0-9_.:-]{1,100}$') is not true then
            raise exception 'argument payload_keys contains %', case
                when v_key is null then 'null'
                when v_key = '' then 'an empty name'
                when length(v_key) > 100 then format('a name of %s characters', length(v_key))
                else format('a malformed name: %s', quote_literal(v_key))
            end using
                errcode = 'IU104',
                hint = 'Give names of 1 to 100 characters of A-Z a-z 0-9 _ . : -. {} allows no key, null any '
                    'key that is not forbidden.';
        end if;
    end loop;
end
$$;
comment on function public.fn_iu_payload_keys_require(text[]) is
'Raises IU104 if a name in the payload_keys of an event type is null, empty, longer than 100 characters or not
plain ASCII, the form of every key that fn_iu_payload_check accepts. The words of fn_iu_payload_words are
allowed: an administrator who lists such a key permits it.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_payload_keys_require(text[])', 'internal'
);
