\set ON_ERROR_STOP on
-- Probe 080: delivery fails closed. In each of the 64 combinations of gates and routes nothing is delivered.
-- One transaction, always rolled back.
-- Run by hand, as the owner of the objects: psql -f 080_fail_closed_delivery_probe.sql
-- The combinations: master, worker, delivery and job gate open and closed, the route listed as live and not,
-- dry-run and live. Each has a run of its own worker, a replay and a call of the delivery function. The live
-- half locks the routes and drops the constraint dry_run_is_enforced inside the transaction, for a fraction
-- of a second.
do $$ begin perform public.fn_iu_probe_open('iu_probe_080'); end $$;

begin;
set local transaction_isolation = 'repeatable read';
set local lock_timeout = '500ms';
set local statement_timeout = '60s';

do $probe$
declare
    v_base jsonb := public.fn_iu_probe_counts();
    v_sent bigint;
    v_route constant text := 'iu_probe_080.route';
    v_event uuid;
    v_case record;
    v_letter uuid;
    v_number int := 0;
    v_run jsonb;
    v_replay jsonb;
    v_delivery text;
    v_lines text [];
begin
    insert into public.event_type_registry (event_type, event_stream, delivery_lane) values
    ('iu_probe_080.type', 'update', 'immediate');
    insert into public.iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref)
    values (v_route, 'iu_probe_080.type', true, 'workflow', 'probe');
    perform public.fn_iu_proof_note('C0 the safety check while it is there', '23514', public.fn_iu_probe_try(
        'update public.iu_outbound_route set dry_run = false where route_code = ''iu_probe_080.route'''
    ));
    for v_case in
        select m.*, format(
            'C%s route %s, delivery %s, %s', m.place, case when m.dry_run then 'dry-run' else 'live' end,
            case when m.delivery then 'open' else 'closed' end,
            case when m.listed then 'listed as live' else 'not listed' end
        ) as label
        from (
            select row_number() over (order by d.dry_run desc, e.delivery, l.listed) as place,
                d.dry_run, e.delivery, l.listed
            from (values (true), (false)) as d (dry_run)
            cross join (values (false), (true)) as e (delivery)
            cross join (values (false), (true)) as l (listed)
        ) as m
        order by m.place
    loop
        if v_case.place = 5 then
            alter table public.iu_outbound_route drop constraint dry_run_is_enforced;
        end if;
        if not v_case.dry_run then
            update public.iu_outbound_route set dry_run = false where route_code = v_route;
        end if;
        perform public.fn_iu_gate_set(public.fn_iu_gate_key('delivery'), v_case.delivery::text, 'probe 080');
        perform public.fn_iu_gate_set(
            public.fn_iu_gate_key('live_routes'), case when v_case.listed then v_route else '' end,
            'probe 080'
        );
        v_sent := public.fn_iu_probe_delta(v_base, 'sent');
        v_lines := '{}';
        for n in 0..7 loop
            v_number := v_number + 1;
            perform public.fn_iu_gate_set(public.fn_iu_gate_key('master'), 'true', 'probe 080');
            perform public.fn_iu_route_worker_seek(
                'iu_probe_080_' || v_number, 'latest', 'probe 080: sees only what it emits itself'
            );
            v_event := public.fn_iu_emit_event(
                'iu_probe_080.type', 'TEST/iu_probe_080', '080aaaaa-0000-4000-8000-000000000080',
                'iu_probe_080', '{}'
            );
            insert into public.iu_route_dead_letter (event_id, worker_name, route_code, idempotency_key)
            values (v_event, 'iu_probe_080_letter_' || v_number, v_route, 'iu_probe_080:letter:' || v_number)
            returning dead_letter_id into v_letter;
            perform public.fn_iu_gate_set(public.fn_iu_gate_key('master'), (n & 4 > 0)::text, 'probe 080');
            perform public.fn_iu_gate_set(public.fn_iu_gate_key('worker'), (n & 2 > 0)::text, 'probe 080');
            perform public.fn_iu_gate_set(public.fn_iu_gate_key('jobs'), (n & 1 > 0)::text, 'probe 080');
            v_run := public.fn_iu_route_worker_run('iu_probe_080_' || v_number, 10);
            v_replay := public.fn_iu_route_dead_letter_replay(v_letter);
            v_delivery := public.fn_iu_probe_try(format(
                'select public.fn_iu_route_deliver(%L, %L)', v_event, v_route
            ));
            v_lines := v_lines || format(
                'worker %s %s, replay %s, delivery %s', v_run ->> 'status',
                coalesce((
                    select string_agg(a.decision, ', ') from public.iu_route_attempt as a
                    where a.event_id = v_event and a.attempt_no = 1
                ), 'no attempt'),
                coalesce(v_replay ->> 'decision', v_replay ->> 'status'), v_delivery
            );
        end loop;
        perform public.fn_iu_proof_note(
            v_case.label,
            case when v_case.dry_run then
                '2 x worker ran dry_run, replay dry_run, delivery IU201; '
                '2 x worker worker_gate_closed no attempt, replay dry_run, delivery IU201; '
            else
                '2 x worker ran failed, replay failed, delivery IU201; '
                '2 x worker worker_gate_closed no attempt, replay failed, delivery IU201; '
            end || '4 x worker master_gate_closed no attempt, replay master_gate_closed, delivery IU201; '
            'sent +0',
            (
                select string_agg(format('%s x %s', s.n, s.line), '; ' order by s.n, s.line)
                from (select l as line, count(*) as n from unnest(v_lines) as l group by l) as s
            ) || format('; sent +%s', public.fn_iu_probe_delta(v_base, 'sent') - v_sent)
        );
    end loop;
    perform public.fn_iu_proof_note('C9 attempts of this probe that were delivered', '0 of 64 events', (
        select format('%s of %s events', count(*) filter (where a.delivered), v_number)
        from public.iu_route_attempt as a
        where a.event_id in (
            select o.event_id from public.event_outbox as o
            where o.event_domain = 'iu' and o.emitted_xid = pg_current_xact_id()
        )
    ));
    perform public.fn_iu_proof_end('080_fail_closed_delivery_probe');
end
$probe$;

rollback;

do $post$
begin
    perform public.fn_iu_probe_close('iu_probe_080');
    perform public.fn_iu_proof_end('080_fail_closed_delivery_probe');
end
$post$;
