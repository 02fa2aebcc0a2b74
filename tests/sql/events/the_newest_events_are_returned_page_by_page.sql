select emit() from generate_series(1, 5);
select same((select count(*) from fn_iu_events_newest()), 5);
select same(
    (select array_agg(event_seq) from fn_iu_events_newest('iu', null, 2)),
    (select array_agg(event_seq order by event_seq desc) from event_outbox
        where event_seq > (select max(event_seq) - 2 from event_outbox))
);
select same(
    (select count(*) from fn_iu_events_newest('iu', (select max(event_seq) - 1 from event_outbox), 10)), 3
);
select same((select count(*) from fn_iu_events_newest('shop', null, 10)), 0);
select refused($$select fn_iu_events_newest(null, null, 0)$$, 'IU301', '%row_limit%');
