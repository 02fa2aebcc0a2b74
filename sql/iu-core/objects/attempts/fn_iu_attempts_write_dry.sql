create or replace function public.fn_iu_attempts_write_dry(
    given public.iu_route_worker_cursor, batch public.iu_route_batch, restored_seq bigint, batch_limit int
)
returns public.iu_route_batch
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_sort = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
declare
    v_after constant bigint := greatest(given.position_seq, given.window_start_seq - 1);
    v_from constant xid8 := coalesce(pg_snapshot_xmax(given.consumed_snapshot), '0');
    v_until constant xid8 := case when v_after < restored_seq then '18446744073709551615' else pg_snapshot_xmax(given.window_snapshot) end;
    v_shown constant xid8 := pg_snapshot_xmin(given.window_snapshot);
    v_types text [];
    v_routes int [];
    v_versions int [];
    v_is_dry boolean;
begin
    with typed as materialized (
        select c.event_type, count(*) as events, min(c.event_seq) as first_seq, max(c.event_seq) as last_seq
        from (
            select o.event_seq, o.event_type from public.event_outbox as o
            where o.event_domain = given.event_domain and o.event_seq > v_after
                and o.emitted_xid >= v_from and o.emitted_xid < v_until and (
                    o.emitted_xid < v_shown or o.event_seq <= restored_seq
                    or pg_visible_in_snapshot(o.emitted_xid, given.window_snapshot)
                )
            order by o.event_seq limit batch_limit
        ) as c
        group by c.event_type
    )
    select t.*, r.* into batch.seen, batch.first_event_seq, batch.last_event_seq,
        batch.attempts_written, batch.skipped, v_is_dry, v_types, v_routes, v_versions
    from (select coalesce(sum(events), 0), min(first_seq), max(last_seq) from typed) as t
    cross join (
        select
            coalesce(sum(t.events), 0), coalesce(sum(t.events) filter (where r.route_no is null), 0),
            coalesce(bool_and(coalesce(r.dry_run, true)), true), array_agg(t.event_type order by r.route_no),
            array_agg(coalesce(r.route_no, 0) order by r.route_no),
            array_agg(coalesce(r.route_version, 0) order by r.route_no)
        from typed as t left join public.iu_outbound_route as r on r.event_type = t.event_type and r.enabled
    ) as r;
    if not v_is_dry or cardinality(v_types) > 16 then
        return null;
    end if;
    batch.dry_run := batch.attempts_written - batch.skipped;
    batch.failed := 0;
    if batch.seen > 0 then
        batch.batch_id := coalesce(batch.batch_id, nextval('public.iu_route_batch_batch_id_seq'));
        insert into public.iu_route_attempt_log (batch_id, event_id, worker_no, route_no, route_version, decision)
        select batch.batch_id, o.event_id, given.worker_no, r.route_no, r.route_version,
            case when r.route_no = 0 then 'skipped' else 'dry_run' end
        from public.event_outbox as o
        inner join rows from (unnest(v_types), unnest(v_routes), unnest(v_versions))
        as r (event_type, route_no, route_version) on r.event_type = o.event_type
        where o.event_domain = given.event_domain
            and o.event_seq >= batch.first_event_seq and o.event_seq <= batch.last_event_seq
            and o.emitted_xid >= v_from and o.emitted_xid < v_until and (
                o.emitted_xid < v_shown or o.event_seq <= restored_seq
                or pg_visible_in_snapshot(o.emitted_xid, given.window_snapshot)
            )
        order by o.event_seq;
    end if;
    return batch;
end
$$;
comment on function public.fn_iu_attempts_write_dry(
    public.iu_route_worker_cursor, public.iu_route_batch, bigint, int
) is
'The quick way to write a batch: for a window without late transactions and own events: claims
its next events, at most batch_limit, in the order of event_seq, and writes an attempt for each enabled route of the event''s
type, one that is skipped where there is none. Declines, and returns null having written nothing,
where a route is not dry or the types and routes of the batch are more than 16; fn_iu_attempts_write
does those. Numbers the batch where it sees an event. Returns the batch with its counts and its
first and last event_seq. An attempt that exists already raises unique_violation. The caller holds
the worker''s cursor.';
