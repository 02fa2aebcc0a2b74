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
    -- Return true if a run would be refused. Otherwise a polling program would never start the run that
    -- reports the error.
    return (
        select s.difference is not null or (
            select b.events > 0 from public.fn_iu_cursor_backlog(v_cursor, s.restored_seq, 1) as b
        )
        from public.fn_iu_cluster_state(v_cursor) as s
    );
end
$$;
comment on function public.fn_iu_route_worker_pending(text) is
'Whether a run would find events: a check of low cost, for programs that poll. Also true if a run would raise
IU501, so that the run reports it. Raises IU104 for a malformed name. Read-only; takes no lock and assigns no
transaction id.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_route_worker_pending(text)',
    'inspect'
);
