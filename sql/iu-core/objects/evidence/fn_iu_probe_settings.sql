create or replace function public.fn_iu_probe_settings()
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select jsonb_build_object(
        'dot_config', public.fn_iu_probe_gates(),
        'event_type_registry', (
            select jsonb_object_agg(t.event_type, to_jsonb(t)) from public.event_type_registry as t
        ),
        'iu_outbound_route', (
            select jsonb_object_agg(r.route_code, to_jsonb(r)) from public.iu_outbound_route as r
        ),
        'iu_inbound_route', (
            select jsonb_object_agg(r.route_code, to_jsonb(r)) from public.iu_inbound_route as r
        ),
        'safety check', (
            select to_jsonb(pg_get_constraintdef(c.oid)) from pg_catalog.pg_constraint as c
            where c.conrelid = 'public.iu_outbound_route'::regclass and c.conname = 'dry_run_is_enforced'
        )
    )
$$;
comment on function public.fn_iu_probe_settings() is
'The configuration that a probe must not change: settings and gates, event types, outbound and inbound routes,
and the CHECK constraint of the outbound routes.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_probe_settings()', 'inspect');
