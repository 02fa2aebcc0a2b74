select refused(
    format(
        $q$insert into iu_outbound_route (route_code, event_type, target_kind, target_ref)
        values ('t.x', 'version_applied', %L, 'x')$q$, kind
    ),
    'IU601', 'unknown target kind %' || coalesce(kind, 'null') || '%',
    'Known: amqp, dagster_asset, dagster_job, kafka, nats, postgres, pull, redis, webhook, workflow. '
    'With the module iu-delivery also kinds of your own, such as acme.sqs.'
) from unnest(array['carrierpigeon', 'Webhook', 'webhook ', '', null, 'acme.sqs']) as kind;
insert into iu_outbound_route (route_code, event_type, target_kind, target_ref)
select 't.' || kind, 'version_applied', kind, 'x' from fn_iu_target_kinds();
select refused($$update iu_outbound_route set target_kind = 'carrierpigeon'$$, 'IU601');
select same(
    (select string_agg(distinct module || '', ',') from fn_iu_target_kinds() where kind <> 'workflow'),
    'iu-delivery'
);
select same((select module from fn_iu_target_kinds() where kind = 'workflow'), null::text);
