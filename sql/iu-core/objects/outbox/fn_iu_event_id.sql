create or replace function public.fn_iu_event_id()
returns uuid
language sql volatile parallel safe
return cast(
    encode(
        set_bit(set_bit(
            overlay(
                uuid_send(gen_random_uuid()),
                substr(int8send(cast(extract(epoch from clock_timestamp()) * 1000 as bigint)), 3), 1, 6
            ), 52, 1
        ), 53, 1), 'hex'
    ) as uuid
);
comment on function public.fn_iu_event_id() is
'A UUIDv7: 48 bits of milliseconds since 1970, then random. For servers before 18, which have no
uuidv7(). Bound when it is created, so it needs no search_path and the default inlines it.';

do $default$
begin
    if to_regprocedure('pg_catalog.uuidv7()') is not null then
        alter table public.event_outbox alter column event_id set default pg_catalog.uuidv7();
    else
        alter table public.event_outbox alter column event_id set default public.fn_iu_event_id();
    end if;
end
$default$;
