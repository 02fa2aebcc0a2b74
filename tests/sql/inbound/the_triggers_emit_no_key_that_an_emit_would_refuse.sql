update iu_inbound_route set enabled = true, dry_run = false;
insert into information_unit (unit_id, canonical_address) values (subject(1), 'docs/a.md');
insert into unit_version (unit_id, version_seq, version_ref, actor_ref) values
(subject(1), 1, 'c1', 'ann'), (subject(1), 2, 'c2', 'ann');
select holds(fn_iu_payload_is_plain(safe_payload::text), 'the event of a version passes the quick check')
from event_outbox;
insert into iu_sql_link (unit_id, sql_object_ref, link_kind, actor_ref)
select subject(1), word, word, 'ann' from fn_iu_payload_words();
select fn_iu_payload_check(safe_payload) from event_outbox;
select same(
    (
        select array_agg(distinct k order by k) from event_outbox
        cross join jsonb_object_keys(safe_payload) as k
    ),
    array['link_kind', 'unit_id', 'version_ref', 'version_seq']
);
select same((select count(*) from event_outbox), 1 + (select count(*) from fn_iu_payload_words()));
