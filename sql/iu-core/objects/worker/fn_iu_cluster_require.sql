create or replace function public.fn_iu_cluster_require(given public.iu_route_worker_cursor)
returns bigint
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_restored_seq bigint;
    v_difference text;
begin
    if given.retired_at is not null then
        perform public.fn_iu_worker_retired_refuse(given);
    end if;
    select s.restored_seq, s.difference into v_restored_seq, v_difference
    from public.fn_iu_cluster_state(given) as s;
    if v_difference is not null then
        raise exception 'worker % does not run: %', given.worker_name, v_difference using
            errcode = 'IU501', hint = public.fn_iu_cluster_hint(given);
    end if;
    return v_restored_seq;
end
$$;
comment on function public.fn_iu_cluster_require(public.iu_route_worker_cursor) is
'Raises IU104 if the worker of the cursor is retired, and IU501 with the message of fn_iu_cluster_state, if
that reports a difference, and with the hint of fn_iu_cluster_hint. Otherwise returns restored_seq, the
event_seq up to which events came with a restore. Needs no lock on the cursor. Read-only.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_cluster_require(public.iu_route_worker_cursor)', 'internal'
);
