select emit() from generate_series(1, 3);
select run(batch_limit => 1);
select run(batch_limit => 2);
select same((select count(*) from fn_iu_batches_after('{}', 10)), 2);
select same((select count(*) from fn_iu_batches_after('{}', 1)), 1);
select same(
    (select array_agg(b.seen) from fn_iu_batches_after(
        jsonb_build_object('tester', (select min(batch_id) from iu_route_batch)), 10
    ) as b), array[2]
);
select refused($$select fn_iu_batches_after('{"tester": "x"}', 10)$$, 'IU104', '%after_batch_ids%');
select refused($$select fn_iu_batches_after(null, 10)$$, 'IU104', '%after_batch_ids%');
select refused($$select fn_iu_batches_after('{}', 0)$$, 'IU301', '%row_limit%');
select refused($$select fn_iu_replays_newest(0)$$, 'IU301', '%row_limit%');
select refused($$select fn_iu_replays_after(0, '{}', 0)$$, 'IU301', '%row_limit%');
