-- enable_seqscan off: the unread events are found by event_outbox_by_xid, whatever the statistics say. The
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
    v_most int := 0;
    v_count int;
    v_worker public.iu_route_worker_cursor;
begin
    -- Without a worker, one that has consumed nothing: every event of the type waits.
    for v_worker in
        select w.* from public.iu_route_worker_cursor as w
        where w.event_domain = v_domain and w.retired_at is null
        union all
        select w.* from (select null::public.iu_route_worker_cursor as none) as n
        left join public.iu_route_worker_cursor as w on false
        where not exists (
            select from public.iu_route_worker_cursor as c
            where c.event_domain = v_domain and c.retired_at is null
        )
    loop
        select count(*) into v_count from (
            select from public.event_outbox as o
            where o.event_domain collate "POSIX" = v_domain and o.event_type = fn_iu_event_type_waiting.event_type
                and o.emitted_xid >= case
                    when v_worker.anchor_key = v_anchor.anchor_key then pg_snapshot_xmin(v_worker.consumed_snapshot)
                end
                and not public.fn_iu_event_is_consumed(o.event_seq, o.emitted_xid, v_worker, v_anchor)
            limit cap
        ) as unread;
        v_most := greatest(v_most, v_count);
    end loop;
    return v_most;
end
$$;
