create or replace function public.fn_iu_unit_version_emit()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
    v_type public.event_type_registry;
begin
    if not exists (select from arrived where version_seq > 1) then
        return null;
    end if;
    v_type := public.fn_iu_event_type_require('version_applied');
    insert into public.event_outbox (
        event_domain, event_type, event_stream, delivery_lane, canonical_address, event_subject_table,
        event_subject_ref, actor_ref, payload_classification, safe_payload
    )
    select
        v_type.event_domain, v_type.event_type, v_type.event_stream, v_type.delivery_lane,
        u.canonical_address, v_type.event_subject_table, u.unit_id,
        a.actor_ref, v_type.payload_classification,
        jsonb_build_object('version_seq', a.version_seq, 'version_ref', a.version_ref)
    from (select *, row_number() over () as place from arrived) as a
    inner join public.information_unit as u on u.unit_id = a.unit_id
    where a.version_seq > 1
    order by a.place;
    return null;
end
$$;
comment on function public.fn_iu_unit_version_emit() is
'Trigger function: emits version_applied for each inserted version after the first, set-based, in the order of
insertion, with {"version_seq", "version_ref"}. Raises IU101 if the type is disabled, which rolls back the
insert.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_unit_version_emit()', 'internal');

select public.fn_iu_trigger_ensure(
    'iu-core',
    'create trigger trg_iu_unit_version_out after insert on public.unit_version '
    'referencing new table as arrived for each statement execute function public.fn_iu_unit_version_emit()'
);
