\set ON_ERROR_STOP on
-- Probe 070: capture on insert. A link is ignored, captured, or captured and emitted, depending on its
-- inbound route. One transaction, always rolled back.
-- Run by hand, as the owner of the objects: psql -f 070_inbound_live_capture_probe.sql
-- The links are its own.
do $$ begin perform public.fn_iu_probe_open('iu_probe_070'); end $$;

begin;
set local transaction_isolation = 'repeatable read';
set local lock_timeout = '500ms';
set local statement_timeout = '60s';

do $probe$
declare
    v_base jsonb := public.fn_iu_probe_counts();
    v_route constant text := 'iu_sql.iu_sql_link.insert';
    v_worker constant text := 'iu_probe_070_worker';
    v_case record;
    v_link uuid;
    v_event public.event_outbox;
    v_seen jsonb;
begin
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('master'), 'true', 'probe 070');
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('worker'), 'true', 'probe 070');
    perform public.fn_iu_route_worker_seek(v_worker, 'latest', 'probe 070: sees only what it emits itself');
    update public.iu_outbound_route set enabled = false where event_type = 'sql_link_created';
    for v_case in
        select * from (values
            ('I1 route disabled', false, true, 'captures none; event_outbox +0'),
            ('I2 route enabled, dry-run', true, true, 'captures dry_run without an event; event_outbox +0'),
            ('I3 route enabled, live', true, false, 'captures emitted with its event; event_outbox +1')
        ) as c (label, enabled, dry_run, expected) order by c.label
    loop
        update public.iu_inbound_route set enabled = v_case.enabled, dry_run = v_case.dry_run
        where route_code = v_route;
        insert into public.iu_sql_link (sql_object_ref, link_kind, actor_ref)
        values ('TEST/iu_probe_070/object', 'describes', 'iu_probe_070') returning link_id into v_link;
        perform public.fn_iu_proof_note(v_case.label, v_case.expected, format(
            'captures %s; event_outbox +%s', coalesce((
                select string_agg(
                    c.decision
                    || case when c.event_id is null then ' without an event' else ' with its event' end, ', '
                )
                from public.iu_inbound_capture as c where c.source_ref = v_link and c.route_code = v_route
            ), 'none'), public.fn_iu_probe_delta(v_base, 'event_outbox')
        ));
    end loop;

    select o.* into v_event from public.event_outbox as o
    where o.event_id = (select c.event_id from public.iu_inbound_capture as c where c.source_ref = v_link);
    perform public.fn_iu_proof_note(
        'I4 the event of the live capture',
        'sql_link_created, TEST/iu_probe_070/object, iu_sql_link, about the link, link_kind, unit_id',
        format(
            '%s, %s, %s, %s, %s', v_event.event_type, v_event.canonical_address, v_event.event_subject_table,
            case when v_event.event_subject_ref = v_link
                then 'about the link' else 'about something else' end,
            (select string_agg(k, ', ' order by k) from jsonb_object_keys(v_event.safe_payload) as k)
        )
    );
    v_seen := public.fn_iu_route_worker_run(v_worker, 10);
    perform public.fn_iu_proof_note(
        'I5 the worker, without a route for the type',
        'ran, seen 1, skipped 1, no route code, delivered false', (
            select format(
                '%s, seen %s, %s 1, %s, delivered %s', v_seen ->> 'status', v_seen ->> 'seen', a.decision,
                coalesce(a.route_code, 'no route code'), a.delivered::text
            )
            from public.iu_route_attempt as a where a.worker_name = v_worker
        )
    );

    update public.event_type_registry set enabled = false where event_type = 'sql_link_created';
    perform public.fn_iu_proof_note(
        'I6 a link while its event type is disabled: all or nothing', 'IU101, links 3, captures 2',
        format(
            '%s, links %s, captures %s',
            public.fn_iu_probe_try(
                'insert into public.iu_sql_link (sql_object_ref, actor_ref) '
                'values (''TEST/iu_probe_070/object'', ''iu_probe_070'')'
            ),
            (select count(*) from public.iu_sql_link as l where l.actor_ref = 'iu_probe_070'),
            (
                select count(*) from public.iu_inbound_capture as c
                inner join public.iu_sql_link as l on l.link_id = c.source_ref
                where l.actor_ref = 'iu_probe_070'
            )
        )
    );
    perform public.fn_iu_proof_note(
        'I7 the owner changes the captures', 'update IU203, delete IU203',
        format(
            'update %s, delete %s',
            public.fn_iu_probe_try('update public.iu_inbound_capture set decision = ''dry_run'' where false'),
            public.fn_iu_probe_try('delete from public.iu_inbound_capture where false')
        )
    );
    perform public.fn_iu_proof_note(
        'I8 in-transaction', 'event_outbox +1, iu_route_attempt +1, iu_route_dead_letter +0',
        public.fn_iu_probe_deltas(v_base)
    );
    perform public.fn_iu_proof_end('070_inbound_live_capture_probe');
end
$probe$;

rollback;

do $post$
begin
    perform public.fn_iu_probe_close('iu_probe_070');
    perform public.fn_iu_proof_end('070_inbound_live_capture_probe');
end
$post$;
