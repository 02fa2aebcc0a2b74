insert into information_unit (unit_id, canonical_address) values (subject(1), 'docs/a.md');
insert into unit_version (unit_id, version_seq, version_ref, actor_ref) values (subject(1), 1, 'c1', 'ann');
select same((select count(*) from event_outbox), 0);
insert into unit_version (unit_id, version_seq, version_ref, actor_ref) values (subject(1), 2, 'c2', 'bob');
select same(
    (select to_jsonb(o) - 'event_id' - 'event_seq' - 'emitted_xid' - 'created_at' from event_outbox as o),
    jsonb_build_object(
        'event_domain', 'iu', 'event_type', 'version_applied', 'event_stream', 'update',
        'delivery_lane', 'immediate', 'canonical_address', 'docs/a.md',
        'event_subject_table', 'information_unit', 'event_subject_ref', subject(1), 'actor_ref', 'bob',
        'payload_classification', 'safe_metadata',
        'safe_payload', '{"version_seq": 2, "version_ref": "c2"}'::jsonb
    )
);
select same(run() ->> 'attempts_written', '1');
