select same(
    (
        select jsonb_agg(jsonb_build_array(key, value, is_open) order by place)
        from fn_iu_gate_list() with ordinality as g (
            key, value, is_open, description, updated_at, updated_by, place
        )
    ),
    '[["iu_core.routes_enabled", "true", true], ["iu_core.route_worker_enabled", "true", true],
      ["iu_core.delivery_enabled", "false", false], ["iu_core.delivery_live_routes", "", false],
      ["queue.job_substrate.enabled", "false", false]]'::jsonb
);
select same(
    (
        select count(*) from fn_iu_gate_list()
        where length(description) > 10 and updated_at <= now() and updated_by is not null
    ), 5
);
delete from dot_config where key in ('iu_core.routes_enabled', 'iu_core.delivery_live_routes');
select same(
    (
        select string_agg(
            format('%s %s %s %s', key, coalesce(value, 'null'), is_open, description is null), ', '
        ) from fn_iu_gate_list() where value is null
    ),
    'iu_core.routes_enabled null f t, iu_core.delivery_live_routes null f t'
);
select same((select count(*) from fn_iu_gate_list()), 5);
