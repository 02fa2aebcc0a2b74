create or replace function public.fn_iu_cluster_anchor(given public.iu_route_worker_cursor)
returns public.event_outbox_cluster
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_outbox public.iu_route_worker_cursor;
    v_newest public.event_outbox_cluster := public.fn_iu_cluster_newest();
    v_last_seq bigint;
begin
    if exists (select from pg_subscription_rel as s where s.srrelid = 'public.event_outbox'::regclass) then
        perform public.fn_iu_cluster_require(given);
    end if;
    -- What has nothing to do with the cursor; and whether a cursor of the newest anchor lies ahead.
    v_outbox.event_domain := given.event_domain;
    if (select s.difference is null from public.fn_iu_cluster_state(v_outbox) as s) and (
        given.anchor_key is distinct from v_newest.anchor_key
        or (select s.difference is null from public.fn_iu_cluster_state(given) as s)
    ) then
        return v_newest;
    end if;
    -- A snapshot that is older than the lock does not show what an emitter has committed in between, and its
    -- events would count as emitted here.
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception 'the outbox has to be anchored in a transaction that is %',
            current_setting('transaction_isolation') using
            errcode = 'IU303',
            hint = 'Seek in a transaction of its own: begin isolation level read committed.';
    end if;
    -- Nobody emits in this moment, so that all up to the last event came by the restore or is committed. The
    -- newest anchor is looked up again, for another seek may have made it meanwhile.
    lock table public.event_outbox in share row exclusive mode;
    if (public.fn_iu_cluster_newest()).anchor_no is distinct from v_newest.anchor_no then
        return public.fn_iu_cluster_newest();
    end if;
    select coalesce(max(o.event_seq), 0) into v_last_seq from public.event_outbox as o;
    -- Logical replication copies no sequences: the number is not drawn from one, and that of the events must
    -- not fall behind, for a number at or below restored_seq counts as restored.
    insert into public.event_outbox_cluster as a (anchor_no, system_identifier, restored_seq)
    overriding system value
    select coalesce(v_newest.anchor_no, 0) + 1, c.system_identifier, v_last_seq from pg_control_system() as c
    returning a.* into v_newest;
    update public.event_outbox_cluster as a set written_xid = a.xmin where a.anchor_no = v_newest.anchor_no;
    if v_last_seq >= (select s.last_value from public.event_outbox_event_seq_seq as s) then
        perform setval('public.event_outbox_event_seq_seq', v_last_seq);
    end if;
    return public.fn_iu_cluster_newest();
end
$$;
comment on function public.fn_iu_cluster_anchor(public.iu_route_worker_cursor) is
'Returns the newest anchor of the outbox; makes one first, where the outbox was found elsewhere than at
the newest one, or transaction ids of a cursor of that anchor, or of events, lie ahead of this server:
all events there are count as restored. Waits for emitters under way and holds up later ones until the
transaction ends, once a restore. Raises the sequence of event_seq where it lags behind the events.
Raises IU501 where the outbox receives events by a subscription, IU303 where it has to make one in a
transaction that is not read committed.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_cluster_anchor(public.iu_route_worker_cursor)', 'internal'
);
