select shop();
select set_config('iu.config_reason', 'first shop', true);
select capture('insert');
update iu_inbound_route set enabled = false where route_code = 'shop.insert';
select set_config('iu.config_reason', '', true);
update iu_outbound_route set enabled = false where route_code = 'iu.version_applied.workflow';
update iu_outbound_route set enabled = false where route_code = 'iu.version_applied.workflow';
select same(
    (
        select string_agg(
            format('%s %s %s %s %s', noun, name, coalesce(old_value ->> 'enabled', '-'),
                new_value ->> 'enabled', coalesce(reason, 'null')), ', ' order by change_no
        )
        from iu_config_history where noun in ('capture', 'route')
    ),
    'capture shop.insert - true first shop, capture shop.insert true false first shop, '
    'route iu.version_applied.workflow true false null'
);
select refused('delete from iu_config_history', 'IU203', '%append-only%', '%');
