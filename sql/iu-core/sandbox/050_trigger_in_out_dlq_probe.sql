\set ON_ERROR_STOP on
-- Probe 050: trigger-out, trigger-in, dead letters and their replay, E.3 to E.9.
-- One transaction, always rolled back.
-- Run by hand, as the owner of the objects: psql -f 050_trigger_in_out_dlq_probe.sql
-- Its own worker starts at the latest event, so that it reads only events of the probe. It uses one snapshot
-- (repeatable read), so the deltas do not depend on existing rows or on concurrent workers.
do $$ begin perform public.fn_iu_probe_open('iu_probe_050'); end $$;

begin;
set local transaction_isolation = 'repeatable read';
set local lock_timeout = '500ms';
set local statement_timeout = '60s';

do $probe$
declare
    v_gates text;
    v_closed text := 'delivery_enabled=false, live_routes="", jobs=false, ';
    v_base jsonb := public.fn_iu_probe_counts();
    v_worker constant text := 'iu_probe_050_worker';
    v_route constant text := 'iu.structure_piece_split.workflow';
    v_event uuid;
    v_unrouted uuid;
    v_dryrun uuid;
    v_seen jsonb;
    v_line text;
begin
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('master'), 'true', 'probe 050');
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('worker'), 'true', 'probe 050');
    perform public.fn_iu_route_worker_seek(v_worker, 'latest', 'probe 050: sees only what it emits itself');
    update public.iu_outbound_route set enabled = false
    where event_type = 'structure_piece_split' and route_code <> v_route;

    v_event := public.fn_iu_emit_event(
        'structure_piece_split', 'TEST/iu_probe_050/brick', 'bc79ab1c-0000-4000-8000-000000000050',
        'iu_probe_050',
        '{"note": "refs-only: counts and references", "reason": "probe",
          "child_refs": ["TEST/iu_probe_050/brick-1", "TEST/iu_probe_050/brick-2"], "child_count": 2}'
    );
    select format(
        '%s, stream %s, lane %s, %s, %s, actor %s', o.event_type, o.event_stream, o.delivery_lane,
        o.payload_classification, o.event_subject_table, o.actor_ref
    ) into v_line from public.event_outbox as o where o.event_id = v_event;
    perform public.fn_iu_proof_note(
        'E.3 emitted row',
        'structure_piece_split, stream update, lane immediate, safe_metadata, information_unit, '
        'actor iu_probe_050', v_line
    );
    select string_agg(k, ', ' order by k) into v_line
    from public.event_outbox as o cross join lateral jsonb_object_keys(o.safe_payload) as k
    where o.event_id = v_event;
    perform public.fn_iu_proof_note(
        'E.3 payload is refs-only', 'child_count, child_refs, note, reason', v_line
    );
    perform public.fn_iu_proof_note('E.3 columns for a body, secret or vector', '0', (
        select count(*)::text from pg_catalog.pg_attribute as a
        where a.attrelid = 'public.event_outbox'::regclass and a.attnum > 0 and not a.attisdropped
            and a.attname ~* public.fn_iu_payload_words_regexp()
    ));

    perform public.fn_iu_proof_note(
        'E.4 matching route', 'enabled=true, dry_run=true, workflow, event_outbox', (
            select format(
                'enabled=%s, dry_run=%s, %s, %s', r.enabled::text, r.dry_run::text, r.target_kind,
                r.target_ref
            )
            from public.iu_outbound_route as r where r.route_code = v_route
        )
    );

    v_seen := public.fn_iu_route_worker_run(v_worker, 10);
    perform public.fn_iu_proof_note(
        'E.5 isolated worker',
        'ran, seen:1, attempts_written:1, skipped:0, dead_lettered:0, cursor at the event',
        format(
            '%s, seen:%s, attempts_written:%s, skipped:%s, dead_lettered:%s, cursor %s', v_seen ->> 'status',
            v_seen ->> 'seen', v_seen ->> 'attempts_written', v_seen ->> 'skipped',
            v_seen ->> 'dead_lettered',
            case when v_seen ->> 'cursor_event_id' = v_event::text then 'at the event' else 'elsewhere' end
        )
    );
    perform public.fn_iu_proof_note(
        'E.5 attempt', v_route || ', dry_run, no error, delivered=false, event_outbox', (
            select format(
                '%s, %s, %s, delivered=%s, %s', a.route_code, a.status, coalesce(a.error_code, 'no error'),
                a.delivered::text, a.target_ref
            )
            from public.iu_route_attempt as a where a.event_id = v_event and a.worker_name = v_worker
        )
    );

    insert into public.iu_route_dead_letter (
        event_id, worker_name, route_code, idempotency_key, event_snapshot
    )
    select v_event, v_worker || ':dlq', l.route_code, l.idempotency_key,
        jsonb_build_object('event_id', v_event)
    from (values
        ('iu_probe_050:dlq:unrouted', 'iu_probe_050.unrouted'), ('iu_probe_050:dlq:dryrun', v_route)
    ) as l (idempotency_key, route_code);
    select dead_letter_id into v_unrouted from public.iu_route_dead_letter
    where idempotency_key = 'iu_probe_050:dlq:unrouted';
    select dead_letter_id into v_dryrun from public.iu_route_dead_letter
    where idempotency_key = 'iu_probe_050:dlq:dryrun';
    v_seen := public.fn_iu_route_dead_letter_replay(v_unrouted);
    perform public.fn_iu_proof_note(
        'E.6 replay of the unrouted letter', 'replayed, skipped, resolved:false; stays open, attempts 2',
        format('%s, %s, resolved:%s; ', v_seen ->> 'status', v_seen ->> 'decision', v_seen ->> 'resolved')
            || (
                select format('%s, attempts %s', coalesce(l.resolution, 'stays open'), l.attempts)
                from public.iu_route_dead_letter as l where l.dead_letter_id = v_unrouted
            )
    );
    v_seen := public.fn_iu_route_dead_letter_replay(v_dryrun);
    perform public.fn_iu_proof_note(
        'E.6 replay of the dry-run letter', 'replayed, dry_run, resolved:true; replayed, attempts 2',
        format('%s, %s, resolved:%s; ', v_seen ->> 'status', v_seen ->> 'decision', v_seen ->> 'resolved')
            || (
                select format('%s, attempts %s', coalesce(l.resolution, 'stays open'), l.attempts)
                from public.iu_route_dead_letter as l where l.dead_letter_id = v_dryrun
            )
    );

    perform public.fn_iu_proof_note('E.7 trigger-in is wired', 'AFTER INSERT FOR EACH ROW, enabled', (
        select case when t.tgtype = 5 then 'AFTER INSERT FOR EACH ROW' else pg_get_triggerdef(t.oid) end
            || case when t.tgenabled in ('O', 'A') then ', enabled' else ', disabled' end
        from pg_catalog.pg_trigger as t
        where t.tgrelid = 'public.iu_sql_link'::regclass and t.tgname = 'trg_iu_sql_in_iu_sql_link'
            and t.tgfoid = 'public.fn_iu_sql_link_inbound_capture'::regproc
    ));
    perform public.fn_iu_proof_note('E.7 inbound route', 'iu_sql_link/insert to sql_link_created', (
        select format('%s/%s to %s', r.source_table, r.source_op, r.target_event_type)
        from public.iu_inbound_route as r where r.route_code = 'iu_sql.iu_sql_link.insert'
    ));

    v_gates := format(
        'delivery_enabled=%s, live_routes="%s", jobs=%s, ',
        public.fn_iu_probe_gates() ->> public.fn_iu_gate_key('delivery'),
        public.fn_iu_probe_gates() ->> public.fn_iu_gate_key('live_routes'),
        public.fn_iu_probe_gates() ->> public.fn_iu_gate_key('jobs')
    );
    if v_gates <> v_closed and (select t.modules from public.fn_iu_sent_tally() as t) > 0 then
        -- With a module that delivers they may be open: verify/100 proves that nothing goes unpromoted.
        v_gates := '';
        v_closed := '';
    end if;
    perform public.fn_iu_proof_note(
        'E.8 nothing leaves',
        v_closed || 'routes that are not dry-run 0, our sent attempts 0',
        format(
            '%sroutes that are not dry-run %s, our sent attempts %s', v_gates,
            (select count(*) from public.iu_outbound_route as r where not r.dry_run),
            (select count(*) from public.iu_route_attempt as a where a.event_id = v_event and a.delivered)
        )
    );

    raise notice 'rows in the transaction: %', public.fn_iu_probe_rows();
    perform public.fn_iu_proof_note(
        'E.9 in-transaction deltas',
        'event_outbox +1, iu_route_attempt +3, iu_route_dead_letter +2; probe cursors 1',
        public.fn_iu_probe_deltas(v_base) || format('; probe cursors %s', (
            select count(*) from public.iu_route_worker_cursor as c where c.worker_name = v_worker
        ))
    );
    perform public.fn_iu_proof_end('050_trigger_in_out_dlq_probe');
end
$probe$;

rollback;

do $post$
begin
    perform public.fn_iu_probe_close('iu_probe_050');
    perform public.fn_iu_proof_end('050_trigger_in_out_dlq_probe');
end
$post$;
