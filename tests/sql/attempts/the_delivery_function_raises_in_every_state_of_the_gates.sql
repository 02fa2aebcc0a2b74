select keep('event', emit()::text);
select refused(
    format('select fn_iu_route_deliver(%L, %L)', kept('event'), 'iu.version_applied.workflow'), 'IU201',
    '%iu_core.delivery_enabled is closed%'
);
select fn_iu_gate_set('iu_core.delivery_enabled', 'true', 'test');
select refused(
    format('select fn_iu_route_deliver(%L, %L)', kept('event'), 'iu.version_applied.workflow'), 'IU201',
    '%not in iu_core.delivery_live_routes%'
);
select fn_iu_gate_set('iu_core.delivery_live_routes', 'iu.version_applied.workflow', 'test');
select refused(
    format('select fn_iu_route_deliver(%L, %L)', kept('event'), 'iu.version_applied.workflow'), 'IU201',
    '%not implemented%'
);
select refused($$select fn_iu_route_deliver(null, null)$$, 'IU201');
