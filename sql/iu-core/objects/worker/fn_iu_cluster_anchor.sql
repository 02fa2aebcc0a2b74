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
    -- First check the outbox without the cursor. Then check the cursor, unless it belongs to an older anchor.
    v_outbox.event_domain := given.event_domain;
    if (select s.difference is null from public.fn_iu_cluster_state(v_outbox) as s) and (
        given.anchor_key is distinct from v_newest.anchor_key
        or (select s.difference is null from public.fn_iu_cluster_state(given) as s)
    ) then
        return v_newest;
    end if;
    -- A snapshot that is older than the lock does not show events committed between snapshot and lock. They
    -- would not be included in restored_seq and would count as emitted on this server.
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception 'the outbox cannot be anchored in a % transaction',
            current_setting('transaction_isolation') using
            errcode = 'IU303',
            hint = 'Seek in a transaction of its own: begin isolation level read committed.';
    end if;
    -- The lock excludes emitters, so every event that exists is committed and visible. While this seek waited
    -- for the lock, another seek may have added an anchor.
    lock table public.event_outbox in share row exclusive mode;
    if (public.fn_iu_cluster_newest()).anchor_no is distinct from v_newest.anchor_no then
        return public.fn_iu_cluster_newest();
    end if;
    select coalesce(max(o.event_seq), 0) into v_last_seq from public.event_outbox as o;
    -- Logical replication does not copy sequences. So anchor_no is not drawn from one, and the sequence of
    -- event_seq is raised if it is behind: an event with a number up to restored_seq counts as restored.
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
'Returns the newest anchor of the outbox. Adds an anchor first if the newest one does not match this cluster
and table, or if transaction ids of events, or of a cursor of that anchor, are ahead of this server. All
existing events then count as restored. Adding an anchor locks out emitters until the transaction ends, and
raises the sequence of event_seq if it is behind. Raises IU501 if the outbox is the target of a subscription,
IU303 if an anchor is needed and the transaction is not read committed.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_cluster_anchor(public.iu_route_worker_cursor)', 'internal'
);
