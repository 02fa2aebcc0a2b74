select emit() from generate_series(1, 3);
select same(
    (select count(*) from fn_iu_events_between('3:3:', '9000000:9000000:', null, null, null, 10)), 3
);
select same(
    (select count(*) from fn_iu_events_between('3:3:', '9000000:9000000:', 'iu', (
        select emitted_xid from event_outbox limit 1
    ), (select min(event_seq) from event_outbox), 10)), 2
);
select same(
    (select count(*) from fn_iu_events_between('3:3:', '9000000:9000000:', 'shop', null, null, 10)), 0
);
select same(
    (select count(*) from fn_iu_events_between('9000000:9000000:', '9000009:9000009:', null, null, null, 9)),
    0
);
select refused(
    $$select fn_iu_events_between(null, '3:3:', null, null, null, 10)$$, 'IU104', '%after_snapshot is null%'
);
select refused(
    $$select fn_iu_events_between('3:3:', '3:3:', null, null, null, null)$$, 'IU301', '%row_limit%'
);
