create or replace function public.fn_iu_route_worker_pending(worker_name text default 'iu_outbound_default')
returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_cursor public.iu_route_worker_cursor;
begin
    perform public.fn_iu_worker_name_require(worker_name);
    v_cursor := public.fn_iu_cursor_read(worker_name);
    v_cursor.event_domain := coalesce(v_cursor.event_domain, 'iu');
    -- A poller that saw nothing here would never run the worker, and so never see why it refuses.
    return (
        select s.difference is not null or (
            select b.events > 0 from public.fn_iu_cursor_backlog(v_cursor, s.restored_seq, 1) as b
        )
        from public.fn_iu_cluster_state(v_cursor) as s
    );
end
$$;
comment on function public.fn_iu_route_worker_pending(text) is
'Whether a worker has anything to read: the cheap question of one that polls. Also true where a run
would refuse with IU501, so that it runs and says so. Reads only; takes no lock and no transaction id.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_route_worker_pending(text)',
    'inspect'
);
