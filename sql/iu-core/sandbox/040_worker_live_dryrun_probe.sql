\set ON_ERROR_STOP on
-- Probe 040: the worker, live and dry-run, P0 to P9 and POST-ROLLBACK.
-- One transaction, always rolled back.
-- Run by hand, as the owner of the objects: psql -f 040_worker_live_dryrun_probe.sql
-- It emits one event through fn_iu_emit_event and reads it with its own workers. It uses one snapshot
-- (repeatable read), so its figures do not depend on existing rows or on concurrent emitters and workers.
do $$ begin perform public.fn_iu_probe_open('iu_probe_040'); end $$;

begin;
set local transaction_isolation = 'repeatable read';
set local lock_timeout = '500ms';
set local statement_timeout = '60s';

do $probe$
declare
    v_base jsonb := public.fn_iu_probe_counts();
    v_worker constant text := 'iu_probe_040';
    v_fresh constant text := 'iu_probe_040_fresh';
    v_route constant text := 'iu.version_applied.workflow';
    v_event uuid;
    v_letter uuid;
    v_seen jsonb;
begin
    perform public.fn_iu_route_worker_seek(v_worker, 'latest', 'probe 040: sees only what it emits itself');
    perform public.fn_iu_route_worker_seek(v_fresh, 'latest', 'probe 040: sees only what it emits itself');
    update public.iu_outbound_route set enabled = false
    where event_type = 'version_applied' and route_code <> v_route;
    perform public.fn_iu_proof_note(
        'P0 baseline', 'event_outbox +0, iu_route_attempt +0, iu_route_dead_letter +0',
        public.fn_iu_probe_deltas(v_base)
    );

    perform public.fn_iu_gate_set(public.fn_iu_gate_key('master'), 'true', 'probe 040');
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('worker'), 'false', 'probe 040: P1');
    v_seen := public.fn_iu_route_worker_run(v_worker, 100);
    perform public.fn_iu_proof_note(
        'P1 worker-gate-closed', 'worker_gate_closed, seen 0, attempts +0',
        format(
            '%s, seen %s, attempts +%s', v_seen ->> 'status', v_seen ->> 'seen',
            public.fn_iu_probe_delta(v_base, 'iu_route_attempt')
        )
    );
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('worker'), 'true', 'probe 040: P2');

    v_event := public.fn_iu_emit_event(
        'version_applied', 'TEST/iu-probe/040', '040aaaaa-0000-4000-8000-000000000040', 'iu_probe_040',
        '{"note": "refs-only", "version_seq": 2}'
    );
    v_seen := public.fn_iu_route_worker_run(v_worker, 100);
    perform public.fn_iu_proof_note(
        'P2 dry-run pass', 'seen=1, attempts_written=1; status=dry_run, decision=dry_run, delivered=false',
        format('seen=%s, attempts_written=%s; ', v_seen ->> 'seen', v_seen ->> 'attempts_written')
            || coalesce((
                select format('status=%s, decision=%s, delivered=%s', a.status, a.decision, a.delivered::text)
                from public.iu_route_attempt as a where a.event_id = v_event and a.worker_name = v_worker
            ), 'no attempt')
    );

    v_seen := public.fn_iu_route_worker_run(v_worker, 100);
    perform public.fn_iu_proof_note(
        'P3 cursor idempotency', 'seen=0, attempts 1',
        format(
            'seen=%s, attempts %s', v_seen ->> 'seen', public.fn_iu_probe_delta(v_base, 'iu_route_attempt')
        )
    );

    perform public.fn_iu_route_worker_seek(v_worker, coalesce((
        select o.event_id::text from public.event_outbox as o
        where o.event_domain = 'iu' and o.event_seq < (
            select e.event_seq from public.event_outbox as e where e.event_id = v_event
        ) order by o.event_seq desc limit 1
    ), 'beginning'), 'probe 040: P4');
    v_seen := public.fn_iu_route_worker_run(v_worker, 100);
    perform public.fn_iu_proof_note(
        'P4 key idempotency', 'seen=1, attempts 1',
        format(
            'seen=%s, attempts %s', v_seen ->> 'seen', public.fn_iu_probe_delta(v_base, 'iu_route_attempt')
        )
    );

    v_seen := public.fn_iu_route_worker_health(v_worker);
    perform public.fn_iu_proof_note(
        'P5 healthcheck',
        'worker_gate_open=true, master_gate_open=true, attempts_in_audit +1, '
        'dead_letter_open +0, healthy=true',
        format(
            'worker_gate_open=%s, master_gate_open=%s, attempts_in_audit +%s, '
            'dead_letter_open +%s, healthy=%s',
            v_seen ->> 'worker_gate_open', v_seen ->> 'master_gate_open',
            (v_seen ->> 'attempts_in_audit')::bigint - (v_base ->> 'iu_route_attempt')::bigint,
            public.fn_iu_probe_delta(v_base, 'iu_route_dead_letter'), v_seen ->> 'healthy'
        )
    );

    alter table public.iu_outbound_route drop constraint dry_run_is_enforced;
    update public.iu_outbound_route set dry_run = false where route_code = v_route;
    v_seen := public.fn_iu_route_worker_run(v_fresh, 100);
    select l.dead_letter_id into v_letter from public.iu_route_dead_letter as l
    where l.event_id = v_event and l.worker_name = v_fresh;
    perform public.fn_iu_proof_note(
        'P6 fail-closed delivery',
        'dead_lettered=1, failed_attempts +1, delivered_sent +0, failure_code=worker_process_error',
        format(
            'dead_lettered=%s, failed_attempts +%s, delivered_sent +%s, failure_code=%s',
            v_seen ->> 'dead_lettered', public.fn_iu_probe_delta(v_base, 'failed'),
            public.fn_iu_probe_delta(v_base, 'sent'),
            (select l.failure_code from public.iu_route_dead_letter as l where l.dead_letter_id = v_letter)
        )
    );

    v_seen := public.fn_iu_route_dead_letter_replay(v_letter);
    perform public.fn_iu_proof_note(
        'P7 dead-letter replay, route live', 'decision=failed, resolved=false, attempt_no=2',
        format(
            'decision=%s, resolved=%s, attempt_no=%s', v_seen ->> 'decision', v_seen ->> 'resolved',
            v_seen ->> 'attempt_no'
        )
    );
    update public.iu_outbound_route set dry_run = true where route_code = v_route;
    v_seen := public.fn_iu_route_dead_letter_replay(v_letter);
    perform public.fn_iu_proof_note(
        'P7 dead-letter replay, dry-run restored', 'decision=dry_run, resolved=true, attempt_no=3',
        format(
            'decision=%s, resolved=%s, attempt_no=%s', v_seen ->> 'decision', v_seen ->> 'resolved',
            v_seen ->> 'attempt_no'
        )
    );

    perform public.fn_iu_gate_set(public.fn_iu_gate_key('master'), 'false', 'probe 040: P8');
    v_seen := public.fn_iu_route_worker_run(v_worker, 100);
    perform public.fn_iu_proof_note(
        'P8 master-gate-closed', 'master_gate_closed, seen 0',
        format('%s, seen %s', v_seen ->> 'status', v_seen ->> 'seen')
    );
    perform public.fn_iu_proof_note(
        'P9 in-transaction', 'event_outbox +1, iu_route_attempt +4, iu_route_dead_letter +1',
        public.fn_iu_probe_deltas(v_base)
    );
    perform public.fn_iu_proof_end('040_worker_live_dryrun_probe');
end
$probe$;

rollback;

do $post$
begin
    perform public.fn_iu_probe_close('iu_probe_040');
    perform public.fn_iu_proof_end('040_worker_live_dryrun_probe');
end
$post$;
