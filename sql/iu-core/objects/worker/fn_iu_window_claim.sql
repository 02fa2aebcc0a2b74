create or replace function public.fn_iu_window_claim(
    event_domain text, after_seq bigint, from_xid xid8, until_xid xid8, shown pg_snapshot, restored_seq bigint,
    late_xids xid8[], late_after_seq bigint, own_xid xid8, own_after_seq bigint, event_limit int
)
returns table (event_seq bigint, event_id uuid, event_type text)
language sql stable parallel safe rows 1000
begin atomic
    -- The collation "POSIX" is that of event_outbox_by_xid alone: each part has one index that serves it,
    -- whatever the statistics say (decision 011).
    -- Below the xmin of a snapshot every transaction has ended: the list need not be searched.
    (
        select o.event_seq, o.event_id, o.event_type
        from public.event_outbox as o
        where o.event_domain = fn_iu_window_claim.event_domain
            and o.event_seq > fn_iu_window_claim.after_seq
            and o.emitted_xid >= fn_iu_window_claim.from_xid
            and o.emitted_xid < fn_iu_window_claim.until_xid
            and (
                o.emitted_xid < pg_snapshot_xmin(fn_iu_window_claim.shown)
                or o.event_seq <= fn_iu_window_claim.restored_seq
                or pg_visible_in_snapshot(o.emitted_xid, fn_iu_window_claim.shown)
            )
        order by o.event_seq
        limit fn_iu_window_claim.event_limit
    )
    union all
    select late.event_seq, late.event_id, late.event_type
    from (
        select x, fn_iu_window_claim.late_after_seq from unnest(fn_iu_window_claim.late_xids) as x
        union all
        select fn_iu_window_claim.own_xid, fn_iu_window_claim.own_after_seq
        where fn_iu_window_claim.own_xid is not null
    ) as open (xid, after_seq)
    cross join lateral (
        select o.event_seq, o.event_id, o.event_type
        from public.event_outbox as o
        where o.event_domain collate "POSIX" = fn_iu_window_claim.event_domain
            and o.emitted_xid between open.xid and open.xid
            and o.event_seq > greatest(open.after_seq, fn_iu_window_claim.restored_seq)
        order by o.emitted_xid, o.event_seq
        limit fn_iu_window_claim.event_limit
    ) as late
    order by event_seq
    limit fn_iu_window_claim.event_limit;
end;
comment on function public.fn_iu_window_claim(
    text, bigint, xid8, xid8, pg_snapshot, bigint, xid8[], bigint, xid8, bigint, int
) is
'The next events of a window, at most event_limit, in the order of event_seq: those after after_seq of
transactions from from_xid up to until_xid that the snapshot shown shows or that came by a restore (event_seq
up to restored_seq), by the index event_outbox_by_seq; merged with the events of each transaction of
late_xids, after its event_seq of late_after_seqs, by event_outbox_by_xid (decision 016). Its callers inline
it: they set enable_seqscan and jit. Reads only.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_window_claim(text, bigint, xid8, xid8, pg_snapshot, bigint, xid8[], bigint, xid8, bigint, int)',
    'internal'
);
