-- enable_seqscan and enable_bitmapscan off: the event and its attempts are probes of the primary keys, and
-- the events before it a forward scan of event_outbox_by_seq, whatever the statistics say (decision 011).
create or replace function public.fn_iu_event_reading(event_id uuid, worker_name text)
returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    v_cap constant int := 10000;
    v_anchor constant public.event_outbox_cluster := public.fn_iu_cluster_newest();
    v_event public.event_outbox;
    v_cursor public.iu_route_worker_cursor;
    v_difference text;
    v_passed record;
    v_status text;
begin
    perform public.fn_iu_worker_name_require(worker_name);
    if event_id is null then
        raise exception 'argument event_id is null' using
            errcode = 'IU104', hint = 'Give the event_id that the emit returned.';
    end if;
    select o.* into v_event from public.event_outbox as o where o.event_id = fn_iu_event_reading.event_id;
    if v_event.event_id is null then
        return null;
    end if;
    v_cursor := public.fn_iu_cursor_read(worker_name);
    v_cursor.event_domain := coalesce(v_cursor.event_domain, 'iu');
    v_difference := (select s.difference from public.fn_iu_cluster_state(v_cursor) as s);
    v_status := case
        when exists (
            select from public.iu_route_attempt_log as a
            where a.event_id = v_event.event_id and a.worker_no = v_cursor.worker_no and a.attempt_no = 1
        ) then 'attempted'
        when v_event.event_domain <> v_cursor.event_domain then 'other_domain'
        when v_difference is not null then 'refused'
        when not public.fn_iu_event_is_consumed(
            v_event.event_seq, v_event.emitted_xid, v_cursor, v_anchor
        ) then case when v_cursor.retired_at is null then 'waiting' else 'retired' end
        when v_event.event_seq <= v_cursor.anchored_seq then 'passed'
        else 'unattempted'
    end;
    -- The limit bounds the entries that are visited, read or unread.
    select
        count(*) filter (where not public.fn_iu_event_is_consumed(
            before.event_seq, before.emitted_xid, v_cursor, v_anchor
        )) as unread,
        count(*) as visited
    into v_passed
    from (
        select o.event_seq, o.emitted_xid from public.event_outbox as o
        where v_status = 'waiting' and o.event_domain = v_event.event_domain
            and o.event_seq > public.fn_iu_window_after_seq(v_cursor) and o.event_seq < v_event.event_seq
        order by o.event_seq limit v_cap + 1
    ) as before;
    return jsonb_build_object(
        'status', v_status,
        'worker_name', worker_name,
        'event_domain', v_cursor.event_domain,
        'difference', v_difference,
        'events_before', least(v_passed.unread, v_cap),
        'events_before_capped', v_passed.visited > v_cap,
        'retired_at', v_cursor.retired_at, 'last_run_at', v_cursor.last_run_at,
        'cursor_event_id', v_cursor.cursor_event_id,
        'cursor_created_at', v_cursor.cursor_created_at
    );
end
$$;
comment on function public.fn_iu_event_reading(uuid, text) is
'How far a worker is with an event: {"status", "worker_name", "event_domain" (that the worker reads),
"difference" (why its runs raise IU501, or null), "events_before", "events_before_capped", "retired_at",
"last_run_at", "cursor_event_id", "cursor_created_at"}; null for an unknown event. status is attempted (it has
an attempt), other_domain (the worker never reads it), refused (runs raise IU501), retired (the worker is
retired and did not read it), waiting, passed (a seek skipped it) or unattempted (it was read, but its attempt
is missing). events_before counts the unread events with a lower event_seq while it waits, without those that
committed late; a lower bound if events_before_capped. Visits at most 10,001 events. A worker that does not
exist has read nothing of domain iu. Raises IU104. Takes no lock.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_event_reading(uuid, text)', 'inspect'
);
