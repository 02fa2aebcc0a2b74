create or replace function public.fn_iu_retention_run(
    reason text default 'retention', event_limit int default 5000
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set lock_timeout = '500ms'
as $$
#variable_conflict use_variable
declare
    v_level constant text := current_setting('transaction_isolation');
    v_days constant int := public.fn_iu_retention_days();
    v_status text := case when v_days > 0 then 'ran' else 'retention_off' end;
    v_domain text;
    v_pass int;
    v_after bigint;
    v_round public.iu_retention_history;
    v_events bigint := 0;
    v_attempts bigint := 0;
    v_more boolean := false;
begin
    perform public.fn_iu_argument_require('reason', reason, 2000);
    if event_limit is null or event_limit < 1 or event_limit > 100000 then
        raise exception 'event_limit % is not between 1 and 100000', coalesce(event_limit::text, 'null') using
            errcode = 'IU301',
            hint = 'Give the largest number of events to drop for each domain, for example 5000.';
    end if;
    -- A snapshot taken before the lock misses a seek that committed in between (decision 040).
    if v_level not in ('read committed', 'read uncommitted') then
        raise exception 'retention cannot run in a % transaction', v_level using
            errcode = 'IU303',
            hint = 'Call it in a transaction of its own: begin isolation level read committed.';
    end if;
    if v_days > 0 and not public.fn_iu_retention_lock(for_round => true) then
        v_status := 'busy';
    end if;
    if v_status = 'ran' and public.fn_iu_cluster_is_displaced() then
        v_status := 'other_cluster';
    elsif v_status = 'ran' then
        for v_domain, v_pass, v_after in select c.event_domain, s.n, s.seq
            from (
                select distinct k.event_domain from public.iu_route_worker_cursor as k
                where k.retired_at is null and k.cursor_kind = 'audit'
            ) as c
            -- Pass 2, from the beginning: events that committed after a round had passed them.
            cross join lateral (values (1, public.fn_iu_retention_cut(c.event_domain)), (2, 0)) as s (n, seq)
            order by c.event_domain, s.n
        loop
            continue when v_pass = 2 and v_round.events = event_limit;
            v_round := public.fn_iu_retention_drop(v_domain, v_after, event_limit, v_days, reason);
            v_events := v_events + v_round.events;
            v_attempts := v_attempts + coalesce(v_round.attempts, 0);
            v_more := v_more or v_round.events = event_limit;
        end loop;
    end if;
    return jsonb_build_object(
        'status', v_status, 'events', v_events, 'attempts', v_attempts, 'more', v_more,
        'retention_days', v_days, 'held_by', (
            -- Without offset 0 the note would be computed for each cursor instead of each domain.
            select coalesce(jsonb_agg(s.note) filter (where s.note is not null), '[]')
            from (select distinct c.event_domain from public.iu_route_worker_cursor as c offset 0) as d
            cross join lateral (
                select public.fn_iu_retention_state(d.event_domain) ->> 'note' offset 0
            ) as s (note)
            where not v_more
        )
    );
end
$$;
comment on function public.fn_iu_retention_run(text, int) is
'One round of retention. In each domain that a worker reads it deletes the oldest events, at most event_limit,
that are older than iu_core.retention_days, consumed by all workers of the domain that are not retired and by
all live routes, without an open dead letter, and not held by a module (fn_iu_retention_hold), and their first
attempts; it stops at the first event that must stay. Batches, letters, replays and iu_retention_history stay.
Returns {"status", "events", "attempts", "more" (call again), "retention_days", "held_by" (sentences)}; status
is ran; retention_off; busy if another round or a seek does not end within 50 ms; or other_cluster if the
outbox is not where it was anchored or a cursor is ahead of this server (fn_iu_cluster_state), until a seek
has anchored it. Raises IU104 for the reason, IU301 for an event_limit outside 1 to 100000, IU303 in a
transaction that is not read committed. Until the transaction ends, seeks and the first runs of new workers
wait 50 ms and then return worker_busy; runs of existing workers and emitters never wait.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_retention_run(text, int)', 'operate');
