create or replace function public.fn_iu_event_is_consumed(
    event_seq bigint, emitted_xid xid8, given public.iu_route_worker_cursor,
    anchor public.event_outbox_cluster
)
returns boolean
language sql immutable parallel safe
return coalesce((given).anchor_key is not distinct from (anchor).anchor_key and (
    case
        when event_seq <= (anchor).restored_seq then (given).consumed_snapshot is not null
        else coalesce(pg_visible_in_snapshot(emitted_xid, (given).consumed_snapshot), false)
    end
    or (
        event_seq <= (given).position_seq and (given).window_snapshot is not null and (
            event_seq <= (anchor).restored_seq
            or pg_visible_in_snapshot(emitted_xid, (given).window_snapshot)
        )
    )
), false);
comment on function public.fn_iu_event_is_consumed(
    bigint, xid8, public.iu_route_worker_cursor, public.event_outbox_cluster
) is
'Whether a cursor has certainly read an event or skipped it by a seek: consumed_snapshot shows it, or the open
window does and the position is past it. False if in doubt: the cursor belongs to another anchor, or the
transaction of the event was open. The body is bound at creation and inlined. Reads no table.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_event_is_consumed(bigint,xid8,public.iu_route_worker_cursor,public.event_outbox_cluster)',
    'internal'
);
