update iu_inbound_route set enabled = true, dry_run = false;
insert into information_unit (unit_id, canonical_address) values (subject(1), 'docs/a.md');
insert into iu_sql_link (link_id, unit_id, sql_object_ref, actor_ref) values
(subject(5), subject(1), 'public.orders', 'ann');
select same(
    (
        select jsonb_build_array(
            event_type, canonical_address, event_subject_table, event_subject_ref, actor_ref, safe_payload
        ) from event_outbox
    ),
    jsonb_build_array(
        'sql_link_created', 'public.orders', 'iu_sql_link', subject(5), 'ann',
        jsonb_build_object('unit_id', subject(1), 'link_kind', 'describes')
    )
);
select same(
    (select decision from iu_inbound_capture where event_id = (select event_id from event_outbox)), 'emitted'
);
select same(run() ->> 'skipped', '1');
