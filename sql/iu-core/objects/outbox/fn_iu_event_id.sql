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
'A UUIDv7: 48 bits of milliseconds since 1970, then random bits. For servers before 18, which lack uuidv7().
The body is bound at creation and inlined into the column default.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_event_id()', 'inspect');

-- Only if it differs: alter table waits for every transaction that has written to the table.
do $default$
declare
    v_wanted constant text := coalesce(
        to_regprocedure('pg_catalog.uuidv7()')::text, to_regprocedure('public.fn_iu_event_id()')::text
    );
begin
    if not exists (
        select from pg_catalog.pg_attrdef as d
        inner join pg_catalog.pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
        where d.adrelid = 'public.event_outbox'::regclass and a.attname = 'event_id'
            and pg_get_expr(d.adbin, d.adrelid) = v_wanted
    ) then
        execute format('alter table public.event_outbox alter column event_id set default %s', v_wanted);
    end if;
end
$default$;
