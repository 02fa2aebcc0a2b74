-- A recursive query: each step is one index probe for the next worker. A scan would read, while a snapshot
-- is held, every old version of the cursors (decision 013).
-- enable_seqscan and enable_bitmapscan off: so that each step is such a probe, whatever the statistics say.
create or replace function public.fn_iu_cursors()
returns setof public.iu_route_worker_cursor
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
begin
    return query
    with recursive worker (cursor) as (
        (
            select c from public.iu_route_worker_cursor as c
            where c.cursor_kind = 'audit' order by c.worker_name desc limit 1
        )
        union all
        select (
            select c from public.iu_route_worker_cursor as c
            where c.cursor_kind = 'audit' and c.worker_name < (w.cursor).worker_name
            order by c.worker_name desc limit 1
        ) from worker as w where (w.cursor).worker_name is not null
    )
    select (w.cursor).* from worker as w where (w.cursor).worker_name is not null;
end
$$;
comment on function public.fn_iu_cursors() is
'The committed cursors of all workers, by name, last first, without those of live routes. The cost depends on
the number of workers. Read-only; takes no lock.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_cursors()', 'internal');
