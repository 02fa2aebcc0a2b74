update dot_config set updated_at = '2020-01-01', updated_by = 'nobody';
select same((select max(updated_by) from fn_iu_gate_list()), 'nobody');

update dot_config set value = 'false' where key = 'iu_core.routes_enabled';
select same(
    (
        select jsonb_agg(jsonb_build_array(key, updated_by, updated_at > '2026-01-01')) from fn_iu_gate_list()
        where updated_by <> 'nobody'
    ),
    jsonb_build_array(jsonb_build_array('iu_core.routes_enabled', session_user, true))
);
select same(
    (
        select row (h.changed_by, h.changed_at >= c.updated_at)
        from dot_config_history as h inner join dot_config as c on h.key = c.key
        where h.key = 'iu_core.routes_enabled' order by h.change_no desc limit 1
    )::text,
    row (session_user, true)::text
);

-- The time since which the gates are open, by which health is judged, is that of the change too.
update dot_config set value = 'true' where key = 'iu_core.routes_enabled';
select same(fn_iu_gates_open_since() > '2026-01-01', true);
