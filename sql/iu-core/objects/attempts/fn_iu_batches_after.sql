-- enable_seqscan and enable_bitmapscan off: one probe of iu_route_batch_by_worker for each worker, whatever
-- the statistics say (decision 011).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_batches_after(after_batch_ids jsonb, row_limit int)
returns setof public.iu_route_batch
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
begin
    perform public.fn_iu_row_limit_require(row_limit);
    if coalesce(jsonb_typeof(after_batch_ids), 'null') <> 'object'
        or jsonb_path_exists(after_batch_ids, 'strict $.* ? (@.type() != "number" || @ < 0 || @ > 9e18)')
    then
        raise exception 'argument after_batch_ids is not an object of batch ids' using
            errcode = 'IU104', hint = 'Give the last batch_id that was seen of each worker: {"NAME": 17}.';
    end if;
    return query
    select b.* from public.iu_route_worker_cursor as c
    cross join lateral (
        select r.* from public.iu_route_batch as r
        -- `between x and x`, not `= x`: then only iu_route_batch_by_worker has this order (decision 011).
        where r.worker_name between c.worker_name and c.worker_name
            and r.batch_id > coalesce((after_batch_ids ->> c.worker_name)::numeric::bigint, 0)
        order by r.worker_name, r.batch_id limit row_limit
    ) as b
    where c.cursor_kind = 'audit'
    order by b.batch_id limit row_limit;
end
$$;
comment on function public.fn_iu_batches_after(jsonb, int) is
'The next batches of each worker, in the order of batch_id, at most row_limit: those after its batch_id in
after_batch_ids, {"NAME": batch_id}; of a worker that is not named, from its first. A worker has one run at a
time, so its batches commit in this order and none is missed. Raises IU104 for a malformed object, IU301 for a
row_limit outside 1 to 10000. Takes no lock.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_batches_after(jsonb, int)', 'inspect'
);
