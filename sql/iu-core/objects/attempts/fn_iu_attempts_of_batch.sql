-- enable_seqscan, enable_bitmapscan and enable_sort off: read the events of the batch backward by event_seq
-- and probe the primary key for each, so that the number of pages depends on row_limit, even if one page has
-- rows of many batches, as after retention. Only the attempts of one event are sorted; sorting all would read
-- the whole batch first (decisions 011 and 041).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_attempts_of_batch(
    batch public.iu_route_batch, before_attempt_id bigint, row_limit int
)
returns setof public.iu_route_attempt_log
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
declare
    v_worker_no constant int := (
        select n.name_no from public.iu_audit_name as n where n.name = batch.worker_name
    );
    v_last bigint := batch.last_event_seq;
begin
    -- The events of a late transaction have much lower numbers than the others of the batch, with events of
    -- other batches in between.
    if v_last - batch.first_event_seq > 8 * batch.seen::bigint + 1000 then
        return query
        select a.* from public.fn_iu_attempts_of_late_batch(
            batch.batch_id, before_attempt_id, row_limit
        ) as a;
        return;
    end if;
    if batch.last_attempt_id >= before_attempt_id then
        v_last := public.fn_iu_batch_seq_before(batch, before_attempt_id);
    end if;
    return query
    select a.* from public.event_outbox as o
    cross join lateral (
        select l.* from public.iu_route_attempt_log as l
        where l.event_id = o.event_id and l.worker_no = v_worker_no and l.attempt_no = 1
            and l.batch_id = batch.batch_id and l.attempt_id < before_attempt_id
        offset 0
    ) as a
    where o.event_domain = batch.event_domain and o.event_seq between batch.first_event_seq and v_last
    order by o.event_seq desc, a.attempt_id desc
    limit row_limit;
end
$$;
comment on function public.fn_iu_attempts_of_batch(public.iu_route_batch, bigint, int) is
'The newest attempts of a batch that are older than before_attempt_id, newest first, at most row_limit.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_of_batch(public.iu_route_batch, bigint, int)',
    'internal'
);
