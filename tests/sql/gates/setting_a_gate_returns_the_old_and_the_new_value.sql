select same(
    fn_iu_gate_set('iu_core.delivery_enabled', 'true', 'an audit'),
    '{"status": "set", "key": "iu_core.delivery_enabled", "old_value": "false", "value": "true", '
    '"reason": "an audit"}'
);
select same((select value from dot_config where key = 'iu_core.delivery_enabled'), 'true');
