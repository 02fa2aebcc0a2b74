create or replace function public.fn_iu_worker_idle_require(given public.iu_route_worker_cursor)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_cap constant int := 10000;
    v_restored_seq constant bigint := public.fn_iu_cluster_require(given);
    v_unread int := (
        select b.events from public.fn_iu_cursor_backlog(given, v_restored_seq, v_cap + 1) as b
    );
    v_letters int := (
        select count(*) from (
            select from public.iu_route_dead_letter as l
            where l.resolution is null and l.worker_name = given.worker_name limit v_cap + 1
        ) as open
    );
begin
    if v_unread > 0 then
        raise exception 'worker % has % unread events', given.worker_name,
            public.fn_iu_count_say(v_unread, v_cap) using
            errcode = 'IU104',
            hint = format('Read them first, with both gates open: iu run --worker %s', given.worker_name);
    elsif v_letters > 0 then
        raise exception 'worker % has % open dead letters', given.worker_name,
            public.fn_iu_count_say(v_letters, v_cap) using
            errcode = 'IU104',
            hint = 'Correct what made them fail, then replay them with: iu replay --due';
    end if;
end
$$;
comment on function public.fn_iu_worker_idle_require(public.iu_route_worker_cursor) is
'Raises IU104 if the worker of a cursor has unread events or open dead letters, and IU501 if its runs raise
it. The caller must hold the lock of the cursor and call it in a later statement. Read-only.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_worker_idle_require(public.iu_route_worker_cursor)', 'internal'
);
