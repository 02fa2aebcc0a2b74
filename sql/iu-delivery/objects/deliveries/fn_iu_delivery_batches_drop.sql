-- enable_seqscan off: batches and decisions are read in the order of their indexes (decision 072).
create or replace function public.fn_iu_delivery_batches_drop(
    given public.iu_delivery_route, entry_limit int, days int, reason text
)
returns public.iu_delivery_retention_history
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    v_until constant timestamptz := clock_timestamp() - make_interval(days => days);
    -- No event of the domain is before this one, and none that is in the queue.
    v_first constant bigint := least(
        coalesce((select min(o.event_seq) from public.event_outbox as o
            where o.event_domain = given.event_domain), 9223372036854775807),
        (select min(d.event_seq) from public.iu_delivery as d where d.route_no = given.route_no)
    );
    v_ids bigint [];
    v_decisions bigint [];
    v_round public.iu_delivery_retention_history;
begin
    with oldest as (
        select b.* from public.iu_delivery_batch as b
        where b.route_no = given.route_no order by b.batch_id limit entry_limit
    )

    select array_agg(o.batch_id order by o.batch_id),
        sha256(string_agg(o.batch_hash, ''::bytea order by o.batch_id)),
        (array_agg(o.batch_hash order by o.batch_id desc))[1]
    into v_ids, v_round.rows_hash, v_round.through_hash
    from oldest as o
    where o.batch_id < coalesce((
        select min(s.batch_id) from oldest as s where s.finished_at >= v_until or s.last_event_seq >= v_first
    ), o.batch_id + 1);
    v_decisions := array(
        select d.decision_no from public.iu_delivery_decision as d
        where d.route_no = given.route_no and d.event_seq < v_first and d.ledger_no is null
            and d.decided_at < v_until
        order by d.event_seq limit entry_limit
    );
    v_round.batches := coalesce(cardinality(v_ids), 0);
    v_round.decisions := cardinality(v_decisions);
    if v_round.batches + v_round.decisions = 0 then
        return v_round;
    end if;
    insert into public.iu_delivery_retention_history (
        route_no, through_no, through_hash, decisions, batches, rows_hash, retention_days, reason
    )
    select given.route_no, coalesce(v_ids[v_round.batches], h.through_no, 0),
        coalesce(v_round.through_hash, h.through_hash, '\x'), v_round.decisions, v_round.batches,
        coalesce(v_round.rows_hash, sha256('')), days, reason
    from (select) as one
    left join lateral (
        select k.* from public.iu_delivery_retention_history as k
        where k.route_no = given.route_no order by k.retention_no desc limit 1
    ) as h on true;
    delete from public.iu_delivery_decision as d where d.decision_no = any (v_decisions);
    delete from public.iu_delivery_batch as b where b.batch_id = any (v_ids);
    return v_round;
end
$$;
comment on function public.fn_iu_delivery_batches_drop(public.iu_delivery_route, int, int, text) is
'Deletes the oldest batches of a live route, at most entry_limit, up to the first that is younger than the
given days or has an event at or after the first one that is still there, and as many decisions
outside_canary about events that are gone. Records the round before it deletes, and returns it. The caller
holds fn_iu_retention_lock.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_batches_drop(public.iu_delivery_route, int, int, text)', 'internal'
);
