create or replace function public.fn_iu_route_version_record()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
begin
    -- The old code of a deleted or renamed route gets a disabled version as its last.
    if tg_op = 'DELETE' or tg_op = 'UPDATE' and new.route_code <> old.route_code then
        insert into public.iu_outbound_route_version (
            route_code, event_type, enabled, dry_run, target_kind, target_ref
        )
        values (old.route_code, old.event_type, false, old.dry_run, old.target_kind, old.target_ref);
    end if;
    if tg_op = 'DELETE' then
        return old;
    end if;
    new.route_no := public.fn_iu_name_intern(new.route_code);
    insert into public.iu_outbound_route_version (
        route_code, event_type, enabled, dry_run, target_kind, target_ref
    )
    values (new.route_code, new.event_type, new.enabled, new.dry_run, new.target_kind, new.target_ref)
    returning route_version into new.route_version;
    return new;
end
$$;
comment on function public.fn_iu_route_version_record() is
'Trigger function: records every state of an outbound route in iu_outbound_route_version and sets route_no and
route_version. Deleting or renaming a route adds a disabled version under its old code.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_route_version_record()', 'internal');

select public.fn_iu_trigger_ensure(
    'iu-core',
    'create trigger trg_iu_route_version before insert or delete or update on public.iu_outbound_route '
    'for each row execute function public.fn_iu_route_version_record()'
);
