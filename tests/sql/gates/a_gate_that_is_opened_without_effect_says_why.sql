create function note(key text, value text) returns text language sql as $$
    select fn_iu_gate_set(key, value, 'a test') ->> 'note'
$$;
select same(note('iu_core.route_worker_enabled', 'true'), null);
select same(note('iu_core.routes_enabled', 'true'), null);
select same(note('iu_core.stall_seconds', '60'), null);
select same(note(key, 'true'), 'no effect yet: no module that ' || what || ' is installed')
from (values ('iu_core.delivery_enabled', 'delivers'),
    ('queue.job_substrate.enabled', 'starts jobs')) as g (key, what);
select same(
    note('iu_core.delivery_live_routes', 'iu.version_applied.workflow'),
    'no effect yet: no module that delivers is installed'
);
select same(note(key, value), null) from (values
    ('iu_core.delivery_enabled', 'false'), ('queue.job_substrate.enabled', 'false'),
    ('iu_core.delivery_live_routes', ''), ('iu_core.routes_enabled', 'false')
) as g (key, value);
select same(
    note('iu_core.route_worker_enabled', 'true'),
    'no effect yet: the master gate iu_core.routes_enabled is closed'
);
select note('iu_core.route_worker_enabled', 'false');
select same(
    note('iu_core.routes_enabled', 'true'),
    'dead letters can be replayed; no worker runs, '
    'because the worker gate iu_core.route_worker_enabled is closed'
);
insert into iu_schema_step (module, step_name, checksum)
select 'iu-delivery', '010_x', checksum from iu_schema_step limit 1;
select same(note('queue.job_substrate.enabled', 'true'), null);
select same(
    note('iu_core.delivery_enabled', 'true'),
    'no effect yet: no route is live (iu_core.delivery_live_routes is empty)'
);
select same(note('iu_core.delivery_live_routes', 'iu.version_applied.workflow'), null);
select note('iu_core.delivery_enabled', 'false');
select same(
    note('iu_core.delivery_live_routes', 'iu.version_applied.workflow'),
    'no effect yet: the delivery gate iu_core.delivery_enabled is closed'
);
