create or replace function public.fn_iu_route_dead_letter_replay(
    dead_letter_id uuid, run_ref text default null
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_letter public.iu_route_dead_letter;
    v_route public.iu_outbound_route;
    v_decision text;
    v_failure text;
begin
    if run_ref is not null then
        perform public.fn_iu_argument_require('run_ref', run_ref, 200);
    end if;
    v_letter := public.fn_iu_dead_letter_lock(dead_letter_id);
    if not public.fn_iu_gate_open(public.fn_iu_gate_key('master')) then
        return public.fn_iu_replay_summary('master_gate_closed', null, v_letter);
    elsif v_letter.resolution is not null then
        return public.fn_iu_replay_summary('already_resolved', null, v_letter);
    elsif current_setting('transaction_isolation') not like 'read %' then
        perform public.fn_iu_gates_recheck(array[public.fn_iu_gate_key('master')]);
    end if;
    select r.* into v_route from public.iu_outbound_route as r
    where r.route_code = v_letter.route_code and r.enabled;
    if not found then
        v_decision := 'skipped';
    elsif v_route.dry_run then
        v_decision := 'dry_run';
    else
        v_failure := public.fn_iu_attempt_decide(v_letter.event_id, v_route.route_code);
        v_decision := case when v_failure is null then 'sent' else 'failed' end;
    end if;
    update public.iu_route_dead_letter as l
    set attempts = l.attempts + 1,
        failure_detail = coalesce(v_failure, l.failure_detail),
        next_replay_at = clock_timestamp() + public.fn_iu_replay_delay(l.attempts + 1),
        resolution = case when v_decision in ('dry_run', 'sent') then 'replayed' end,
        resolved_at = case when v_decision in ('dry_run', 'sent') then clock_timestamp() end,
        resolved_by = case when v_decision in ('dry_run', 'sent') then session_user end
    where l.dead_letter_id = v_letter.dead_letter_id
    returning l.* into v_letter;
    perform public.fn_iu_replay_record(
        v_letter, coalesce(v_route.route_version, 0), v_decision, v_failure, run_ref
    );
    return public.fn_iu_replay_summary('replayed', v_decision, v_letter);
end
$$;
comment on function public.fn_iu_route_dead_letter_replay(uuid, text) is
'Attempts a dead letter again. Needs only the master gate. Returns {"status", "decision", "resolved",
"attempt_no", "dead_letter_id"}; status is replayed, master_gate_closed or already_resolved; decision is
skipped (route missing or disabled: the letter stays open), dry_run (resolved), failed (the delivery function
raised: stays open), or null if nothing was attempted. Writes one attempt with the next attempt_no and
run_ref, and moves next_replay_at. Locks the letter, so that concurrent replays of it run one after the
other. Raises IU104, IU401; 40001 above read committed if the gate or the letter changed after the snapshot.
Closing the gate does not stop a replay that has already checked it.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_route_dead_letter_replay(uuid, text)',
    'operate'
);
