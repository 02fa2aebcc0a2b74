select same((select bool_and(is_open = fn_iu_gate_open(key)) from fn_iu_gate_list()), true);
update dot_config set value = 'TRUE' where key = 'iu_core.routes_enabled';
update dot_config set value = ' true' where key = 'iu_core.route_worker_enabled';
update dot_config set value = 'true' where key = 'queue.job_substrate.enabled';
update dot_config set value = e' \t\n' where key = 'iu_core.delivery_live_routes';
select same(
    (select string_agg(key, ',') from fn_iu_gate_list() where is_open), 'queue.job_substrate.enabled'
);
select same(run() ->> 'status', 'master_gate_closed');
update dot_config set value = 'iu.version_applied.workflow' where key = 'iu_core.delivery_live_routes';
select same(
    (select string_agg(key, ',') from fn_iu_gate_list() where is_open),
    'iu_core.delivery_live_routes,queue.job_substrate.enabled'
);
