-- lock_timeout 10 ms: limits the wait for a transaction that creates the same cursor. An advisory lock would
-- need no wait, but any login can take one and keep it.
create or replace function public.fn_iu_cursor_make(worker_name text, event_domain text, cursor_kind text)
returns public.iu_route_worker_cursor
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '10ms'
as $$
#variable_conflict use_variable
declare
    v_cursor public.iu_route_worker_cursor;
begin
    insert into public.iu_route_worker_cursor (
        worker_name, worker_no, event_domain, cursor_kind, anchor_no, anchor_key
    )
    select worker_name, public.fn_iu_name_intern(worker_name), event_domain, cursor_kind,
        coalesce(a.anchor_no, 0), a.anchor_key
    from public.fn_iu_cluster_newest() as a
    on conflict do nothing
    returning * into v_cursor;
    return v_cursor;
exception when lock_not_available then
    return null;
end
$$;
comment on function public.fn_iu_cursor_make(text, text, text) is
'Creates the cursor of a new worker of a domain at the beginning and returns it, locked until the end of the
transaction. cursor_kind is audit or, for the name live:NUMBER of a live route, delivery. Returns null if
another transaction has created it or does not commit within 10 ms.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_cursor_make(text, text, text)', 'internal'
);
