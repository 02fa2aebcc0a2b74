alter table iu_outbound_route drop constraint dry_run_is_enforced;
select same(fn_iu_route_worker_health() -> 'healthy', 'false');
select holds(fn_iu_route_worker_health() ->> 'reasons' like '%dry_run_is_enforced%', 'it is named');
