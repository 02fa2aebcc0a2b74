-- enable_seqscan, enable_bitmapscan and enable_sort off: read iu_route_batch backward by an index on
-- last_attempt_id, only as far as needed (decisions 011 and 041).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_attempts_gather(
    worker_name text, run_ref text, before_attempt_id bigint, row_limit int
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
    v_open refcursor;
    v_around constant public.iu_route_batch [] := array(
        select b from public.fn_iu_batches_around(before_attempt_id) as b
        where (run_ref is null or b.run_ref = fn_iu_attempts_gather.run_ref)
            and (worker_name is null or b.worker_name = fn_iu_attempts_gather.worker_name)
    );
    v_batch public.iu_route_batch;
    v_attempt public.iu_route_attempt_log;
    v_place int := 0;
    v_found int := 0;
    v_least bigint;
begin
    return query
    select r.* from public.fn_iu_replays_recent(worker_name, run_ref, before_attempt_id, row_limit) as r;
    if run_ref is not null then
        open v_open for select b.* from public.iu_route_batch as b
            where b.run_ref = fn_iu_attempts_gather.run_ref and b.last_attempt_id < before_attempt_id
            order by b.last_attempt_id desc;
    elsif worker_name is not null then
        open v_open for select b.* from public.iu_route_batch as b
            where b.worker_name = fn_iu_attempts_gather.worker_name and b.last_attempt_id < before_attempt_id
            order by b.last_attempt_id desc;
    else
        open v_open for select b.* from public.iu_route_batch as b
            where b.last_attempt_id < before_attempt_id order by b.last_attempt_id desc;
    end if;
    -- First read the batches around before_attempt_id, then the earlier ones backward. The attempt ids of
    -- concurrent batches interleave. So reading stops only when row_limit attempts were found and every
    -- unread batch has a last_attempt_id below the smallest attempt_id found (decision 041).
    loop
        v_place := v_place + 1;
        if v_place <= cardinality(v_around) then
            v_batch := v_around[v_place];
        else
            fetch v_open into v_batch;
            exit when not found or (v_found >= row_limit and v_batch.last_attempt_id < v_least);
        end if;
        for v_attempt in
            select a.* from public.fn_iu_attempts_of_batch(v_batch, before_attempt_id, row_limit) as a
        loop
            return next v_attempt;
            if v_found < row_limit then
                v_found := v_found + 1;
                v_least := least(v_least, v_attempt.attempt_id);
            end if;
        end loop;
    end loop;
    close v_open;
end
$$;
comment on function public.fn_iu_attempts_gather(text, text, bigint, int) is
'The newest row_limit attempts older than before_attempt_id, and possibly others, in no order. With run_ref:
those of a run. With worker_name: those of a worker. With neither: of all workers. Reads iu_route_batch
backward until every unread batch has only older attempts.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_gather(text, text, bigint, int)',
    'internal'
);
