-- enable_seqscan off: use failed_attempts_by_batch, iu_route_batch_by_worker and
-- iu_route_dead_letter_by_event even if the tables were never analysed (decision 011).
create or replace function public.fn_iu_flood_refuse(batch public.iu_route_batch)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
declare
    v_earlier bigint [] := array[]::bigint [];
    v_seen int := batch.seen;
    v_failed bigint;
begin
    -- A batch of fewer than 20 events is counted together with the batches before it until the total is at
    -- least 20. The search stops at a batch of 20 or more. So at most 38 events (19 + 19) are counted
    -- (decision 019).
    if batch.seen < 20 then
        select coalesce(array_agg(b.batch_id), '{}'), (batch.seen + coalesce(sum(b.seen), 0))::int
        into v_earlier, v_seen
        from (
            select k.batch_id, k.seen, coalesce(sum(k.seen) over newer, 0) as newer_seen,
                max(k.seen) over until as largest
            from (
                select e.batch_id, e.seen from public.iu_route_batch as e
                where e.worker_name = batch.worker_name order by e.batch_id desc limit 19
            ) as k
            window until as (order by k.batch_id desc),
                newer as (order by k.batch_id desc rows between unbounded preceding and 1 preceding)
        ) as b
        where b.largest < 20 and batch.seen + b.newer_seen < 20;
    end if;
    -- A failure of an earlier batch counts only while its dead letter is open. So a worker can continue after
    -- the cause was repaired and the dead letters were replayed.
    select count(distinct a.event_id) into v_failed from public.iu_route_attempt_log as a
    where a.batch_id = any (v_earlier || batch.batch_id) and a.decision = 'failed' and (
        a.batch_id = batch.batch_id or exists (
            select from public.iu_route_dead_letter as l
            where l.event_id = a.event_id and l.worker_name = batch.worker_name and l.resolution is null
        )
    );
    if v_seen >= 20 and v_failed * 2 > v_seen then
        raise exception '% of % events of % failed: treated as a system error, not as errors of these events',
            v_failed, v_seen, case
                when v_earlier = '{}' then 'the batch'
                else format('the batch and the %s before it', cardinality(v_earlier))
            end using
            errcode = 'IU302',
            hint = 'No dead letter was written, and the cursor has not moved. Repair the cause (check the '
                'routes, the delivery function and the open dead letters), replay the letters of these '
                'batches, and run again. A resolved letter no longer counts as a failure.';
    end if;
end
$$;
comment on function public.fn_iu_flood_refuse(public.iu_route_batch) is
'Flood guard, called before a batch with failures is recorded. Raises IU302 if more than half of the events of
a batch of 20 or more failed. A smaller batch is counted together with the small batches before it, until the
total is at least 20; a lower total raises nothing. An event that is read again and already has its attempts
does not count as failed. A failure of an earlier batch counts only while its dead letter is open.
Read-only.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_flood_refuse(public.iu_route_batch)',
    'internal'
);
