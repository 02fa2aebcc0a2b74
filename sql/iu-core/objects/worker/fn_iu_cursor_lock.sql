-- enable_seqscan and enable_bitmapscan off: the cursor is found by a backward scan of its index, which meets the
-- newest version first. While a snapshot elsewhere is held no vacuum removes the versions that runs leave, and
-- an equality would visit all of them (decision 013).
create or replace function public.fn_iu_cursor_lock(worker_name text)
returns public.iu_route_worker_cursor
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    v_cursor public.iu_route_worker_cursor;
begin
    select c.* into v_cursor from public.iu_route_worker_cursor as c
    where c.worker_name between worker_name and worker_name order by c.worker_name desc limit 1
    for no key update skip locked;
    if found then
        return v_cursor;
    end if;
    -- Held by another invocation, or not there yet.
    if exists (
        select from public.iu_route_worker_cursor as c where c.worker_name = fn_iu_cursor_lock.worker_name
    ) then
        return null;
    end if;
    -- A new cursor begins with what is there: not beside a round of retention that drops it (decision 040).
    if not public.fn_iu_retention_lock(for_round => false) then
        return null;
    end if;
    return public.fn_iu_cursor_make(worker_name);
end
$$;
comment on function public.fn_iu_cursor_lock(text) is
'Locks the cursor of a worker until the end of the transaction and returns it; makes it, at the
beginning, where the worker is new. Returns null where another invocation holds it or makes it, and
waits for nobody, but 10 ms for one that makes it; a new worker waits at most 50 ms for a round of
retention, and then null comes back.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_cursor_lock(text)', 'internal');
