create or replace function public.fn_iu_subject(source_table text, source_key text)
returns uuid
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    v_hash bytea;
begin
    if source_key ~ '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$' then
        return source_key::uuid;
    end if;
    if source_table !~ '^[^.[:cntrl:]]+\.[^.[:cntrl:]]+$' is not false then
        raise exception 'argument source_table is %', case
            when source_table is null then 'null' else 'malformed: ' || quote_literal(left(source_table, 80))
        end using
            errcode = 'IU104', hint = 'Give schema.table without quotation marks, for example public.orders.';
    elsif source_key is null or source_key = '' then
        raise exception 'argument source_key is %', case
            when source_key is null then 'null' else 'empty'
        end using
            errcode = 'IU104', hint = 'Give the key of the row as text, for example 5.';
    end if;
    v_hash := substr(
        sha256(convert_to(source_table, 'UTF8') || '\x1f'::bytea || convert_to(source_key, 'UTF8')), 1, 16
    );
    v_hash := set_byte(v_hash, 6, get_byte(v_hash, 6) & 15 | 128);
    return encode(set_byte(v_hash, 8, get_byte(v_hash, 8) & 63 | 128), 'hex')::uuid;
end
$$;
comment on function public.fn_iu_subject(text, text) is
'The subject of an event for a row: the uuid of a key that is a uuid; otherwise a UUIDv8 of the first 16 bytes
of the sha256 of schema.table, the byte 0x1f and the key as text, in UTF-8. Raises IU104.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_subject(text, text)', 'compute');
