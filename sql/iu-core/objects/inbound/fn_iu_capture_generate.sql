create or replace function public.fn_iu_capture_generate(capture public.iu_inbound_route)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_name constant text := format('public.fn_iu_capture_%s()', capture.capture_no);
    v_owner constant regrole := (
        select c.relowner from pg_catalog.pg_class as c
        where c.oid = public.fn_iu_capture_table(capture.source_table)
    );
begin
    -- enable_nestloop: a plan that was made for one row is used for many.
    execute format(
        'create or replace function %s returns trigger language plpgsql volatile security definer '
        'set search_path = pg_catalog, pg_temp set row_security = off set jit = off '
        'set enable_nestloop = off set enable_hashagg = off '
        'set datestyle = ''ISO, YMD'' set timezone = ''UTC'' '
        'set intervalstyle = iso_8601 set bytea_output = hex set extra_float_digits = 1 as %L',
        v_name, public.fn_iu_capture_body(capture)
    );
    execute format('comment on function %s is %L', v_name, format(
        'Trigger function of capture %s on %s. Generated; do not edit.', capture.route_code,
        capture.source_table
    ));
    execute format('revoke all on function %s from public', v_name);
    if public.fn_iu_roles_are_used() then
        execute format('alter function %s owner to iu_owner', v_name);
    end if;
    if not pg_has_role(v_owner, (
        select p.proowner from pg_catalog.pg_proc as p where p.oid = to_regprocedure(v_name)
    ), 'usage') then
        execute format('grant execute on function %s to %s', v_name, v_owner);
    end if;
end
$$;
comment on function public.fn_iu_capture_generate(public.iu_inbound_route) is
'Creates or replaces the trigger function of a capture. Only the owner of its table may attach it.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_generate(public.iu_inbound_route)', 'internal'
);
