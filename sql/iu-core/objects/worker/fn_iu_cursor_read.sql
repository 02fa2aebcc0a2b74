-- enable_seqscan and enable_bitmapscan off: a backward index scan meets the newest row version first. While
-- any snapshot is held, vacuum cannot remove old versions, and an equality lookup would visit all of them
-- (decision 013).
create or replace function public.fn_iu_cursor_read(worker_name text)
returns public.iu_route_worker_cursor
language plpgsql stable
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
    where c.worker_name between worker_name and worker_name order by c.worker_name desc limit 1;
    return v_cursor;
end
$$;
comment on function public.fn_iu_cursor_read(text) is
'The committed cursor of a worker; null if there is none. Read-only; takes no lock.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_cursor_read(text)', 'internal');
