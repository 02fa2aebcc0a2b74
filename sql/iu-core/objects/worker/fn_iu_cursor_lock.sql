-- enable_seqscan and enable_bitmapscan off: a backward index scan meets the newest row version first. While
-- any snapshot is held, vacuum cannot remove old versions, and an equality lookup would visit all of them
-- (decision 013).
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
    -- Another run holds it, or it does not exist.
    if exists (
        select from public.iu_route_worker_cursor as c where c.worker_name = fn_iu_cursor_lock.worker_name
    ) then
        return null;
    end if;
    -- A new cursor starts with the oldest event, which a concurrent round of retention may delete (decision
    -- 040).
    if not public.fn_iu_retention_lock(for_round => false) then
        return null;
    end if;
    return public.fn_iu_cursor_make(worker_name, 'iu', 'audit');
end
$$;
comment on function public.fn_iu_cursor_lock(text) is
'Locks the cursor of a worker until the end of the transaction and returns it; creates it at the beginning of
domain iu if the worker is new. Returns null without waiting if another run holds it. Waits at most 10 ms for
a transaction that creates the same cursor and, for a new worker, 50 ms for a round of retention; then it
returns null.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_cursor_lock(text)', 'internal');
