-- Proof of 050: the audit is complete, and the batches form a hash chain.
do $proof$
declare
    v_unattempted bigint;
begin
    perform public.fn_iu_proof_note('each try and each dead letter are unique', '2', (
        select count(*)::text from pg_catalog.pg_index as i
        where i.indexrelid in (
            to_regclass('public.each_try_is_made_once'),
            to_regclass('public.one_letter_for_each_event_worker_and_route')
        ) and i.indisunique and i.indisvalid
    ));
    select count(*) into v_unattempted
    from public.iu_route_worker_cursor as c
    cross join lateral public.fn_iu_cursor_unattempted(c, 10000) as missed
    where c.last_run_at is not null and c.cursor_kind = 'audit';
    perform public.fn_iu_proof_note(
        'consumed events without an attempt, newest 10000 of each worker', '0', v_unattempted::text
    );
    perform public.fn_iu_proof_note('chain of batches, newest 1000 of each worker', 'fits', coalesce((
        select string_agg(verified.answer ->> 'fault', '; ' order by w.worker_name)
        from (
            select b.worker_name from public.iu_route_batch as b
            union
            select c.worker_name from public.iu_route_worker_cursor as c where c.cursor_kind = 'audit'
        ) as w
        cross join lateral public.fn_iu_audit_chain_verify(w.worker_name, (
            select min(n.batch_id) from (
                select b.batch_id from public.iu_route_batch as b
                where b.worker_name = w.worker_name order by b.batch_id desc limit 1000
            ) as n
        )) as verified (answer)
    ), 'fits'));
    perform public.fn_iu_proof_note(
        'attempts against ledger, outbox and routes, newest 10000 of each worker', 'fit', coalesce((
            select string_agg(verified.answer ->> 'fault', '; ' order by c.worker_name)
            from public.iu_route_worker_cursor as c
            cross join lateral (
                select min(n.batch_id) as batch_id from (
                    select b.batch_id, b.attempts_written,
                        sum(b.attempts_written) over (order by b.batch_id desc) as so_far
                    from (
                        select k.batch_id, k.attempts_written from public.iu_route_batch as k
                        where k.worker_name = c.worker_name order by k.batch_id desc limit 1000
                    ) as b
                ) as n where n.so_far - n.attempts_written < 10000
            ) as since
            cross join lateral public.fn_iu_audit_attempts_verify(
                c.worker_name, since.batch_id
            ) as verified (answer)
            where since.batch_id is not null and c.cursor_kind = 'audit'
        ), 'fit')
    );
    perform public.fn_iu_proof_note(
        'dead letters against their replays', 'fit', coalesce(public.fn_iu_audit_replays_misfit(), 'fit')
    );
    perform public.fn_iu_proof_note('tallies that differ from the ledger and the replays', 'none', coalesce((
        select string_agg(
            coalesce(t.tally_key, k.tally_key), ', ' order by coalesce(t.tally_key, k.tally_key)
        )
        from (
            select case when y.tally_key like 'replay/%' then 'replay/' else y.tally_key end as tally_key,
                sum(y.attempts) as attempts, sum(y.failed) as failed, sum(y.sent) as sent
            from public.iu_route_attempt_tally as y group by 1
        ) as t
        full join (
            select b.worker_name as tally_key, sum(b.attempts_written) as attempts, sum(b.failed) as failed,
                sum(b.attempts_written - b.dry_run - b.skipped - b.failed) as sent
            from public.iu_route_batch as b group by b.worker_name
            union all
            select 'replay/', count(*), count(*) filter (where a.decision = 'failed'),
                count(*) filter (where a.decision = 'sent')
            from public.iu_route_attempt_log as a where a.attempt_no > 1 having count(*) > 0
        ) as k on k.tally_key = t.tally_key
        where (t.attempts, t.failed, t.sent) is distinct from (k.attempts, k.failed, k.sent)
    ), 'none'));
    perform public.fn_iu_proof_note('newest batches with a failure that was not set aside', 'none', coalesce((
        select string_agg(b.batch_id::text, ', ')
        from (select * from public.iu_route_batch order by batch_id desc limit 1000) as b
        where b.failed <> b.dead_lettered
    ), 'none'));
    perform public.fn_iu_proof_note(
        'rounds of retention that dropped what they do not say', 'none', coalesce((
            select string_agg(h.retention_no::text, ', ' order by h.retention_no)
            from (select * from public.iu_retention_history order by retention_no desc limit 1000) as h
            where h.retention_days < 1 or h.newest_at > h.dropped_at - make_interval(days => h.retention_days)
                or octet_length(h.events_hash) <> 32
        ), 'none')
    );
    perform public.fn_iu_proof_end('050_worker');
end
$proof$;
