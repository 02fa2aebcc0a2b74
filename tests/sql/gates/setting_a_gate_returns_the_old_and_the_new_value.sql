select same(
    fn_iu_gate_set('iu_core.route_worker_enabled', 'false', 'an audit'),
    '{"status": "set", "key": "iu_core.route_worker_enabled", "old_value": "true", "value": "false", '
    '"reason": "an audit", "note": null}'
);
select same((select value from dot_config where key = 'iu_core.route_worker_enabled'), 'false');
