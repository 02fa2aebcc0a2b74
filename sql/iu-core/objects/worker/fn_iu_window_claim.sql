create or replace function public.fn_iu_window_claim(
    given public.iu_route_worker_cursor, restored_seq bigint, batch_limit int,
    out event_seqs bigint [], out event_ids uuid [], out event_types text [], out created_ats timestamptz [],
    out own_event_seq bigint
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
declare
    v_high pg_snapshot := given.window_snapshot;
    v_own xid8 := pg_current_xact_id();
    v_after bigint := greatest(given.position_seq, given.window_start_seq - 1);
    v_from xid8 := coalesce(pg_snapshot_xmax(given.consumed_snapshot), '0');
    v_until xid8 := case
        when v_after < restored_seq then '18446744073709551615' else pg_snapshot_xmax(v_high)
    end;
    v_late xid8 [] := given.window_late_xids || v_own;
    v_late_after bigint [] := array_fill(given.position_seq, array[cardinality(given.window_late_xids)])
        || case when given.own_xid = v_own then given.own_position_seq else 0 end;
begin
    select
        array_agg(e.event_seq), array_agg(e.event_id), array_agg(e.event_type), array_agg(e.created_at),
        max(e.event_seq) filter (where e.emitted_xid = v_own)
    into event_seqs, event_ids, event_types, created_ats, own_event_seq
    from (
        (
            select o.event_seq, o.event_id, o.event_type, o.created_at, o.emitted_xid
            from public.event_outbox as o
            where o.event_domain = given.event_domain and o.event_seq > v_after
                and o.emitted_xid >= v_from and o.emitted_xid < v_until
                and (o.event_seq <= restored_seq or pg_visible_in_snapshot(o.emitted_xid, v_high))
            order by o.event_seq limit batch_limit
        )
        union all
        select own.event_seq, own.event_id, own.event_type, own.created_at, own.emitted_xid
        from unnest(v_late, v_late_after) as late (xid, after_seq)
        cross join lateral (
            select o.event_seq, o.event_id, o.event_type, o.created_at, o.emitted_xid
            from public.event_outbox as o
            where o.event_domain = given.event_domain and o.emitted_xid = late.xid
                and o.event_seq > greatest(late.after_seq, restored_seq)
            order by o.event_seq limit batch_limit
        ) as own
        order by 1
        limit batch_limit
    ) as e;
end
$$;
comment on function public.fn_iu_window_claim(public.iu_route_worker_cursor, bigint, int) is
'The next events of the open window, at most batch_limit, in the order of event_seq: those of newer transactions by the index
on event_seq, those of late transactions and of the own one each by the index on emitted_xid. Arrays are null where nothing is
left. own_event_seq is the last event of the own transaction among them. Writes nothing.';
