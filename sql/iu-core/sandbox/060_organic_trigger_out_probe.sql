\set ON_ERROR_STOP on
-- Probe 060: trigger-out. A version after the first emits version_applied, by trigger and in order, and a
-- worker reads it. One transaction, always rolled back.
-- Run by hand, as the owner of the objects: psql -f 060_organic_trigger_out_probe.sql
-- Unit, worker and route are its own.
do $$ begin perform public.fn_iu_probe_open('iu_probe_060'); end $$;

begin;
set local transaction_isolation = 'repeatable read';
set local lock_timeout = '500ms';
set local statement_timeout = '60s';

do $probe$
declare
    v_base jsonb := public.fn_iu_probe_counts();
    v_worker constant text := 'iu_probe_060_worker';
    v_unit uuid;
    v_event public.event_outbox;
    v_seen jsonb;
begin
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('master'), 'true', 'probe 060');
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('worker'), 'true', 'probe 060');
    perform public.fn_iu_route_worker_seek(v_worker, 'latest', 'probe 060: sees only what it emits itself');
    update public.iu_outbound_route set enabled = false where event_type = 'version_applied';
    insert into public.iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref)
    values ('iu_probe_060.route', 'version_applied', true, 'workflow', 'probe');
    insert into public.information_unit (canonical_address) values ('TEST/iu_probe_060/unit')
    returning unit_id into v_unit;

    insert into public.unit_version (unit_id, version_seq, actor_ref) values (v_unit, 1, 'iu_probe_060');
    perform public.fn_iu_proof_note(
        'O1 the first version', 'event_outbox +0',
        format('event_outbox +%s', public.fn_iu_probe_delta(v_base, 'event_outbox'))
    );

    insert into public.unit_version (unit_id, version_seq, version_ref, actor_ref) values
    (v_unit, 2, 'abc123', 'iu_probe_060');
    select o.* into v_event from public.event_outbox as o
    where o.event_domain = 'iu' and o.event_subject_ref = v_unit and o.emitted_xid = pg_current_xact_id();
    perform public.fn_iu_proof_note(
        'O2 the second version',
        'version_applied, TEST/iu_probe_060/unit, update, immediate, iu_probe_060, '
        '{"version_ref": "abc123", "version_seq": 2}',
        format(
            '%s, %s, %s, %s, %s, %s', v_event.event_type, v_event.canonical_address, v_event.event_stream,
            v_event.delivery_lane, v_event.actor_ref, v_event.safe_payload
        )
    );

    insert into public.unit_version (unit_id, version_seq, actor_ref)
    select v_unit, n, 'iu_probe_060' from generate_series(3, 7) as n;
    perform public.fn_iu_proof_note('O3 five versions in one statement', '2, 3, 4, 5, 6, 7', (
        select string_agg(o.safe_payload ->> 'version_seq', ', ' order by o.event_seq)
        from public.event_outbox as o
        where o.event_domain = 'iu' and o.emitted_xid = pg_current_xact_id() and o.event_subject_ref = v_unit
    ));

    v_seen := public.fn_iu_route_worker_run(v_worker, 100);
    perform public.fn_iu_proof_note(
        'O4 the worker', 'ran, seen 6, attempts_written 6, skipped 0, dead_lettered 0',
        format(
            '%s, seen %s, attempts_written %s, skipped %s, dead_lettered %s', v_seen ->> 'status',
            v_seen ->> 'seen', v_seen ->> 'attempts_written', v_seen ->> 'skipped', v_seen ->> 'dead_lettered'
        )
    );
    perform public.fn_iu_proof_note(
        'O5 order of the attempts, and what came of them', '2, 3, 4, 5, 6, 7; dry_run; delivered false', (
            select string_agg(o.safe_payload ->> 'version_seq', ', ' order by a.attempt_id)
                || '; ' || string_agg(distinct a.decision, ', ')
                || '; delivered ' || bool_or(a.delivered)::text
            from public.iu_route_attempt as a inner join public.event_outbox as o on o.event_id = a.event_id
            where a.worker_name = v_worker
        )
    );

    update public.event_type_registry set enabled = false where event_type = 'version_applied';
    perform public.fn_iu_proof_note(
        'O6 a version while its event type is disabled', 'IU101, versions 7',
        format(
            '%s, versions %s',
            public.fn_iu_probe_try(format(
                'insert into public.unit_version (unit_id, version_seq) values (%L, 8)', v_unit
            )),
            (select count(*) from public.unit_version as v where v.unit_id = v_unit)
        )
    );
    perform public.fn_iu_proof_note(
        'O7 in-transaction', 'event_outbox +6, iu_route_attempt +6, iu_route_dead_letter +0',
        public.fn_iu_probe_deltas(v_base)
    );
    perform public.fn_iu_proof_end('060_organic_trigger_out_probe');
end
$probe$;

rollback;

do $post$
begin
    perform public.fn_iu_probe_close('iu_probe_060');
    perform public.fn_iu_proof_end('060_organic_trigger_out_probe');
end
$post$;
