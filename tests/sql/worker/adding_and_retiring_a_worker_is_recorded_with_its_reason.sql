select set_config('iu.config_reason', 'kept', true);
select fn_iu_route_worker_add('shop_worker', 'shop', 'read the shop');
select fn_iu_route_worker_retire('shop_worker', 'closed');
select fn_iu_route_worker_add('shop_worker', 'shop', 'opened again');
select same((
    select jsonb_agg(jsonb_build_array(
        h.reason, h.old_value ->> 'event_domain', h.new_value ->> 'event_domain',
        h.new_value ->> 'retired_at' is not null, h.changed_by = session_user
    ) order by h.change_no)
    from iu_config_history as h where h.noun = 'worker' and h.name = 'shop_worker'
), '[
    ["read the shop", null, "shop", false, true],
    ["closed", "shop", "shop", true, true],
    ["opened again", "shop", "shop", false, true]
]');
select same(current_setting('iu.config_reason'), 'kept', 'the reason of the caller');
