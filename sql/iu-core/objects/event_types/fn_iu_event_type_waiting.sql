-- enable_seqscan off: unread events are found by event_outbox_by_xid, whatever the statistics say. The
-- collation of the query excludes the other index (decision 011).
create or replace function public.fn_iu_event_type_waiting(event_type text, cap int)
returns int
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    v_domain constant text := (
        select r.event_domain from public.event_type_registry as r
        where r.event_type = fn_iu_event_type_waiting.event_type
    );
    v_anchor constant public.event_outbox_cluster := public.fn_iu_cluster_newest();
    v_own constant xid8 := pg_current_xact_id_if_assigned();
    v_worker public.iu_route_worker_cursor;
    v_from xid8;
    v_count int;
    v_most int := 0;
begin
    -- A domain without a worker gives one null cursor, which has consumed nothing.
    for v_worker in
        select w.* from (select v_domain as event_domain) as d
        left join public.iu_route_worker_cursor as w
            on w.event_domain = d.event_domain and w.retired_at is null and w.cursor_kind = 'audit'
    loop
        v_from := coalesce(case
            when v_worker.anchor_key = v_anchor.anchor_key then pg_snapshot_xmin(v_worker.consumed_snapshot)
        end, '0');
        select count(*) into v_count
        from (
            select from public.event_outbox as o
            where o.event_domain collate "POSIX" = v_domain and o.emitted_xid >= v_from
                and o.event_type = fn_iu_event_type_waiting.event_type
                and not public.fn_iu_event_is_consumed(o.event_seq, o.emitted_xid, v_worker, v_anchor)
                -- No snapshot shows the events of the current transaction.
                and (v_worker.own_xid = v_own and o.emitted_xid = v_own
                    and o.event_seq <= v_worker.own_position_seq) is not true
            limit greatest(cap, 0)
        ) as unread;
        v_most := greatest(v_most, v_count);
    end loop;
    return v_most;
end
$$;
comment on function public.fn_iu_event_type_waiting(text, int) is
'Number of committed events of a type that a worker of the type''s domain has not read, for the worker with
the most of them, counted up to cap. If no worker reads the domain, every event of the type waits. 0 for an
unknown type. The cost depends on the backlog of the domain.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_event_type_waiting(text, int)', 'inspect'
);
