insert into information_unit (unit_id, canonical_address)
select subject(n), 'docs/' || n from generate_series(1, 3) as n;
insert into unit_version (unit_id, version_seq)
select subject(n), v from generate_series(1, 4) as v, generate_series(1, 3) as n order by v, n;
select same((select count(*) from event_outbox), 9);
select same(
    (
        select string_agg(
            (safe_payload ->> 'version_seq') || right(event_subject_ref::text, 1), ' ' order by event_seq
        ) from event_outbox
    ),
    '21 22 23 31 32 33 41 42 43'
);
