select refused(
    $$select fn_iu_gate_set('iu_core.delivery_live_routes', 'iu.version_applied.workflow,iu.nobody', 'x')$$,
    'IU202', '%iu.nobody%'
);
select same(
    fn_iu_gate_set('iu_core.delivery_live_routes', 'iu.version_applied.workflow', 'x') ->> 'value',
    'iu.version_applied.workflow'
);
select same(fn_iu_gate_set('iu_core.delivery_live_routes', '', 'x') ->> 'value', '');
