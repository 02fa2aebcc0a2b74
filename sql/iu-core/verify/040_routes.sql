-- Proof of 040: a constraint keeps routes dry-run, and every state of a route is recorded.
do $proof$
begin
    perform public.fn_iu_proof_note('safety check dry_run_is_enforced', 'CHECK (dry_run)', (
        select pg_get_constraintdef(c.oid) from pg_catalog.pg_constraint as c
        where c.conrelid = 'public.iu_outbound_route'::regclass and c.conname = 'dry_run_is_enforced'
            and c.convalidated
    ));
    perform public.fn_iu_proof_note('routes that are not dry-run', 'none', coalesce((
        select string_agg(r.route_code, ', ' order by r.route_code) from public.iu_outbound_route as r
        where not r.dry_run
    ), 'none'));
    perform public.fn_iu_proof_note('routes that differ from their newest version', 'none', coalesce((
        select string_agg(r.route_code, ', ' order by r.route_code)
        from public.iu_outbound_route as r
        left join public.iu_outbound_route_version as v on v.route_version = r.route_version
        where (r.route_code, r.event_type, r.enabled, r.dry_run, r.target_kind, r.target_ref)
            is distinct from (v.route_code, v.event_type, v.enabled, v.dry_run, v.target_kind, v.target_ref)
    ), 'none'));
    perform public.fn_iu_proof_note('trigger trg_iu_route_version', 'enabled', (
        select case when t.tgenabled in ('O', 'A') then 'enabled' else 'disabled' end
        from pg_catalog.pg_trigger as t
        where t.tgrelid = 'public.iu_outbound_route'::regclass and t.tgname = 'trg_iu_route_version'
    ));
    perform public.fn_iu_proof_end('040_routes');
end
$proof$;
