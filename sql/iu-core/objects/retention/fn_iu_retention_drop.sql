-- enable_seqscan off: read the oldest events by the index on event_seq and their attempts by one probe each,
-- so that the cost depends on what is deleted (decisions 011 and 040).
-- force_custom_plan: v_ids has 1 to 100,000 ids, and a generic plan would assume ten (decision 040).
create or replace function public.fn_iu_retention_drop(
    event_domain text, after_seq bigint, event_limit int, days int, reason text
)
returns public.iu_retention_history
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_variable
declare
    v_round public.iu_retention_history;
    v_ids uuid [];
begin
    -- One statement: an event that commits after its snapshot was not checked, whatever its number (decision
    -- 040).
    select array_agg(d.event_id order by d.event_seq), count(*), min(d.event_seq), max(d.event_seq),
        min(d.created_at), max(d.created_at),
        sha256(string_agg(uuid_send(d.event_id), ''::bytea order by d.event_seq))
    into v_ids, v_round.events, v_round.from_seq, v_round.to_seq,
        v_round.oldest_at, v_round.newest_at, v_round.events_hash
    from (
        select o.event_seq, o.event_id, o.created_at from public.event_outbox as o
        where o.event_domain = fn_iu_retention_drop.event_domain and o.event_seq > after_seq
            and o.event_seq < (
                select coalesce(
                    public.fn_iu_retention_stop_seq(event_domain, after_seq, event_limit, days),
                    9223372036854775807
                )
            )
        order by o.event_seq limit event_limit
    ) as d;
    v_round.event_domain := event_domain;
    if v_round.events = 0 then
        return v_round;
    end if;
    select count(*) into v_round.attempts from public.iu_route_attempt_log as a
    where a.event_id = any (v_ids) and a.attempt_no = 1;
    insert into public.iu_retention_history (
        event_domain, from_seq, to_seq, events, attempts,
        oldest_at, newest_at, events_hash, retention_days, reason
    ) values (
        event_domain, v_round.from_seq, v_round.to_seq, v_round.events, v_round.attempts,
        v_round.oldest_at, v_round.newest_at, v_round.events_hash, days, reason
    )
    returning retention_no into v_round.retention_no;
    delete from public.iu_route_attempt_log as a where a.event_id = any (v_ids) and a.attempt_no = 1;
    delete from public.event_outbox as o where o.event_id = any (v_ids);
    return v_round;
end
$$;
comment on function public.fn_iu_retention_drop(text, bigint, int, int, text) is
'Deletes the events of a domain after after_seq, at most event_limit, up to the first that must stay
(fn_iu_retention_stop_seq), and their first attempts. Records the round before it deletes. Returns the round,
with 0 events if nothing is deleted. The caller must hold fn_iu_retention_lock, so that no cursor moves back;
moving forward is harmless.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_retention_drop(text, bigint, int, int, text)',
    'internal'
);
