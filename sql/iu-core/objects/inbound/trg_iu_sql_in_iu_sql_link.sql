create or replace function public.fn_iu_sql_link_inbound_capture()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
    v_route public.iu_inbound_route;
    v_event_id uuid;
begin
    for v_route in
        select r.* from public.iu_inbound_route as r
        where r.source_table = 'iu_sql_link' and r.source_op = 'insert' and r.enabled
        order by r.route_code
    loop
        v_event_id := case when not v_route.dry_run then public.fn_iu_emit_event(
            v_route.target_event_type, new.sql_object_ref, new.link_id, new.actor_ref,
            jsonb_build_object('unit_id', new.unit_id, 'link_kind', new.link_kind)
        ) end;
        insert into public.iu_inbound_capture (
            route_code, source_table, source_op, source_ref, decision, event_id
        )
        values (
            v_route.route_code, v_route.source_table, v_route.source_op, new.link_id,
            case when v_event_id is null then 'dry_run' else 'emitted' end, v_event_id
        );
    end loop;
    return null;
end
$$;
comment on function public.fn_iu_sql_link_inbound_capture() is
'Trigger function of the inbound routes for inserts into iu_sql_link: records one capture for each enabled
route and emits its event type if the route is not dry-run (address: the SQL object, subject: the link).
Raises the errors of fn_iu_emit_event.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_sql_link_inbound_capture()',
    'internal'
);

select public.fn_iu_trigger_ensure(
    'iu-core',
    'create trigger trg_iu_sql_in_iu_sql_link after insert on public.iu_sql_link '
    'for each row execute function public.fn_iu_sql_link_inbound_capture()'
);
