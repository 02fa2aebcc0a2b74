\set ON_ERROR_STOP on
-- Probe 020: the gates. A closed gate holds events and loses none, only "true" is open, and every change is
-- recorded. One transaction, always rolled back.
-- Run by hand, as the owner of the objects: psql -f 020_gates_probe.sql
-- It uses its own workers and one snapshot (repeatable read).
do $$ begin perform public.fn_iu_probe_open('iu_probe_020'); end $$;

begin;
set local transaction_isolation = 'repeatable read';
set local lock_timeout = '500ms';
set local statement_timeout = '60s';

do $probe$
declare
    v_base jsonb := public.fn_iu_probe_counts();
    v_worker constant text := 'iu_probe_020_worker';
    v_event uuid;
    v_letter uuid;
    v_seen jsonb;
    v_case record;
    v_lines text [];
    v_line text;
begin
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('master'), 'true', 'probe 020');
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('worker'), 'true', 'probe 020');
    perform public.fn_iu_route_worker_seek(v_worker, 'latest', 'probe 020: sees only what it emits itself');
    insert into public.event_type_registry (event_type, event_stream, delivery_lane) values
    ('iu_probe_020.type', 'update', 'immediate');
    insert into public.iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref)
    values ('iu_probe_020.route', 'iu_probe_020.type', true, 'workflow', 'probe');
    v_event := public.fn_iu_emit_event(
        'iu_probe_020.type', 'TEST/iu_probe_020', '020aaaaa-0000-4000-8000-000000000020', 'iu_probe_020', '{}'
    );
    insert into public.iu_route_dead_letter (event_id, worker_name, route_code, idempotency_key)
    values (v_event, v_worker, 'iu_probe_020.route', 'iu_probe_020:letter')
    returning dead_letter_id into v_letter;

    for v_case in
        select * from (values
            (1, 'worker gate', 'true', 'false'), (2, 'master gate', 'false', 'true'),
            (3, 'both', 'false', 'false')
        ) as c (place, label, master, worker) order by c.place
    loop
        perform public.fn_iu_gate_set(public.fn_iu_gate_key('master'), v_case.master, 'probe 020');
        perform public.fn_iu_gate_set(public.fn_iu_gate_key('worker'), v_case.worker, 'probe 020');
        v_seen := public.fn_iu_route_worker_run(v_worker, 10);
        v_lines := v_lines || format('%s: %s, seen %s', v_case.label, v_seen ->> 'status', v_seen ->> 'seen');
    end loop;
    perform public.fn_iu_proof_note(
        'G1 closed',
        'worker gate: worker_gate_closed, seen 0; master gate: master_gate_closed, seen 0; '
        'both: master_gate_closed, seen 0',
        array_to_string(v_lines, '; ')
    );

    v_seen := public.fn_iu_route_worker_health(v_worker);
    perform public.fn_iu_proof_note(
        'G2 health while both are closed', 'held: backlog 1, healthy true, 2 reasons that name a gate',
        format(
            'held: backlog %s, healthy %s, %s reasons that name a gate', v_seen ->> 'backlog',
            v_seen ->> 'healthy',
            (
                select count(*) from jsonb_array_elements_text(v_seen -> 'reasons') as r
                where r ~ 'gate closed; events held: 1$'
            )
        )
    );

    v_seen := public.fn_iu_route_dead_letter_replay(v_letter);
    v_line := v_seen ->> 'status';
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('master'), 'true', 'probe 020');
    v_seen := public.fn_iu_route_dead_letter_replay(v_letter);
    perform public.fn_iu_proof_note(
        'G3 replay asks the master gate alone',
        'master closed: master_gate_closed; worker closed: replayed, dry_run',
        format('master closed: %s; worker closed: %s, %s', v_line, v_seen ->> 'status', v_seen ->> 'decision')
    );

    perform public.fn_iu_gate_set(public.fn_iu_gate_key('worker'), 'true', 'probe 020');
    v_lines := '{}';
    for v_case in
        select *
        from (values (1, 'TRUE'), (2, 't'), (3, 'on'), (4, '1'), (5, ' true'), (6, '')) as c (place, value)
        order by c.place
    loop
        update public.dot_config set value = v_case.value where key = public.fn_iu_gate_key('worker');
        v_lines := v_lines || (public.fn_iu_route_worker_run(v_worker, 10) ->> 'status');
    end loop;
    delete from public.dot_config where key = public.fn_iu_gate_key('worker');
    v_lines := v_lines || (public.fn_iu_route_worker_run(v_worker, 10) ->> 'status');
    perform public.fn_iu_proof_note(
        'G4 worker gate says TRUE, t, on, 1, " true", nothing, or has no row', '7 x worker_gate_closed', (
            select string_agg(format('%s x %s', s.n, s.status), ', ' order by s.status)
            from (select l as status, count(*) as n from unnest(v_lines) as l group by l) as s
        )
    );
    insert into public.dot_config (key, value, description)
    values (public.fn_iu_gate_key('worker'), 'true', 'probe 020');
    update public.dot_config set value = 'yes' where key = public.fn_iu_gate_key('master');
    v_seen := public.fn_iu_route_worker_run(v_worker, 10);
    delete from public.dot_config where key = public.fn_iu_gate_key('master');
    perform public.fn_iu_proof_note(
        'G5 master gate says yes, or has no row', 'master_gate_closed, master_gate_closed',
        format('%s, %s', v_seen ->> 'status', public.fn_iu_route_worker_run(v_worker, 10) ->> 'status')
    );
    insert into public.dot_config (key, value, description)
    values (public.fn_iu_gate_key('master'), 'true', 'probe 020');

    v_seen := public.fn_iu_route_worker_run(v_worker, 10);
    perform public.fn_iu_proof_note(
        'G6 opened again: the held event is attempted',
        'ran, seen 1; event_outbox +1, iu_route_attempt +2, iu_route_dead_letter +1',
        format('%s, seen %s; %s', v_seen ->> 'status', v_seen ->> 'seen', public.fn_iu_probe_deltas(v_base))
    );

    select string_agg(t.label || ' ' || public.fn_iu_probe_try(
        format('select public.fn_iu_gate_set(%L, %L, %L)', t.key, t.value, t.reason)
    ), ', ' order by t.place) into v_line
    from (values
        (1, 'unknown gate', 'iu_core.no_such_gate', 'true', 'probe 020'),
        (2, 'value', public.fn_iu_gate_key('master'), 'maybe', 'probe 020'),
        (3, 'no value', public.fn_iu_gate_key('master'), null, 'probe 020'),
        (4, 'no reason', public.fn_iu_gate_key('master'), 'true', ''),
        (5, 'unknown live route', public.fn_iu_gate_key('live_routes'), 'iu_probe_020.none', 'probe 020')
    ) as t (place, label, key, value, reason);
    perform public.fn_iu_proof_note(
        'G7 what no gate takes',
        'unknown gate IU202, value IU202, no value IU202, no reason IU104, unknown live route IU202', v_line
    );

    perform public.fn_iu_gate_set(public.fn_iu_gate_key('delivery'), 'false', 'probe 020: on record');
    update public.dot_config set value = '301' where key = 'iu_core.stall_seconds';
    perform public.fn_iu_proof_note(
        'G8 history of a gate, and of a change by plain SQL', 'false, probe 020: on record; 301, no reason', (
            select string_agg(
                format('%s, %s', h.new_value, coalesce(h.reason, 'no reason')), '; ' order by h.change_no
            )
            from (select * from public.dot_config_history order by change_no desc limit 2) as h
        )
    );
    perform public.fn_iu_proof_note(
        'G9 the owner changes the history', 'update IU203, delete IU203',
        format(
            'update %s, delete %s',
            public.fn_iu_probe_try('update public.dot_config_history set reason = ''x'' where false'),
            public.fn_iu_probe_try('delete from public.dot_config_history where false')
        )
    );
    perform public.fn_iu_proof_end('020_gates_probe');
end
$probe$;

rollback;

do $post$
begin
    perform public.fn_iu_probe_close('iu_probe_020');
    perform public.fn_iu_proof_end('020_gates_probe');
end
$post$;
