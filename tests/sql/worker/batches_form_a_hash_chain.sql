select emit_many(2);
select run();
select emit();
select run();
select same((select count(*) from iu_route_batch as b where fn_iu_batch_hash(b) <> b.batch_hash), 0);
select same(
    (select previous_hash from iu_route_batch order by batch_id desc limit 1),
    (select batch_hash from iu_route_batch order by batch_id limit 1)
);
select same(
    (select last_batch_hash from iu_route_worker_cursor where worker_name = 'tester'),
    (select batch_hash from iu_route_batch order by batch_id desc limit 1)
);
select same((select count(*) from (select (b).*, fn_iu_batch_hash(b) as now from (
    select batch_id, worker_name, event_domain, run_ref, started_at, finished_at, seen, attempts_written,
        dry_run, skipped, failed, dead_lettered + 1, first_event_seq, last_event_seq, last_attempt_id,
        previous_hash, batch_hash
    from iu_route_batch
) as x, lateral (select x::iu_route_batch as b) as y) as z
where now = batch_hash), 0, 'an altered row does not fit its hash');
