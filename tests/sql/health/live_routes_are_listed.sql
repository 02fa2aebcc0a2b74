select fn_iu_gate_set(
    'iu_core.delivery_live_routes', 'iu.version_applied.workflow,iu.structure_piece_split.workflow', 'x'
);
select same(
    fn_iu_route_worker_health() -> 'live_routes',
    '["iu.version_applied.workflow", "iu.structure_piece_split.workflow"]'
);
