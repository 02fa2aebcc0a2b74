-- enable_seqscan off: the claim scans event_outbox_by_seq in order, whatever the statistics say. The
-- collation of the query excludes the other index (decision 011).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_attempts_write_dry(
    given public.iu_route_worker_cursor, batch public.iu_route_batch, asked public.iu_attempts_request
)
returns public.iu_route_batch
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
    v_now constant timestamptz := clock_timestamp();
    v_types text [];
    v_routes int [];
    v_versions int [];
begin
    select p.* into v_types, v_routes, v_versions from public.fn_iu_route_places() as p;
    if v_types is null then
        return null;
    end if;
    -- The claimed events are materialized, because a second scan of index and table costs more than storing a
    -- thousand short rows. The subquery flattens the array once; a variable holds it in expanded form, which
    -- array_position would flatten for each row (decision 010).
    with claimed as materialized (
        select c.event_seq, c.event_id, array_position((select v_types), c.event_type) as place
        from public.fn_iu_window_claim(given, asked) as c
    ),
    numbered (no) as materialized (
        select coalesce(batch.batch_id, nextval('public.iu_route_batch_batch_id_seq')) from claimed limit 1
    ),
    -- Needs no order: claimed is stored in the order of event_seq and scanned once.
    written as (
        insert into public.iu_route_attempt_log (
            batch_id, created_at, event_id, worker_no, route_no, route_version, decision
        )
        select (select n.no from numbered as n), v_now, c.event_id, given.worker_no,
            coalesce(v_routes[c.place], 0), coalesce(v_versions[c.place], 0),
            case when c.place is null then 'skipped' else 'dry_run' end
        from claimed as c
    )
    select (select n.no from numbered as n), count(*), min(c.event_seq), max(c.event_seq), count(*), 0,
        count(*) - count(c.place), count(c.place)
    into batch.batch_id, batch.seen, batch.first_event_seq, batch.last_event_seq, batch.attempts_written,
        batch.failed, batch.skipped, batch.dry_run
    from claimed as c;
    return batch;
end
$$;
comment on function public.fn_iu_attempts_write_dry(
    public.iu_route_worker_cursor, public.iu_route_batch, public.iu_attempts_request
) is
'Fast form of fn_iu_attempts_write, used if all enabled routes are dry-run, no event type has two enabled
routes, and at most 16 routes are enabled (fn_iu_route_places). Finding a route by its array position costs
less than a join. In all other cases it returns null and writes nothing. Arguments, result and errors are
those of fn_iu_attempts_write.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_write_dry('
    'public.iu_route_worker_cursor, public.iu_route_batch, public.iu_attempts_request)',
    'internal'
);
