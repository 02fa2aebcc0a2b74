\set ON_ERROR_STOP on
-- Probe 030: dead letters. Replay with every kind of route, its schedule, discard, and what is refused.
-- One transaction, always rolled back.
-- Run by hand, as the owner of the objects: psql -f 030_replay_discard_probe.sql
-- Letters, routes and event are its own. For D4 it drops the constraint dry_run_is_enforced inside the
-- transaction.
do $$ begin perform public.fn_iu_probe_open('iu_probe_030'); end $$;

begin;
set local transaction_isolation = 'repeatable read';
set local lock_timeout = '500ms';
set local statement_timeout = '60s';

do $probe$
declare
    v_base jsonb := public.fn_iu_probe_counts();
    v_event uuid;
    v_letters uuid [] := '{}';
    v_letter public.iu_route_dead_letter;
    v_due timestamptz;
    v_seen jsonb;
    v_lines text [] := '{}';
begin
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('master'), 'true', 'probe 030');
    v_event := public.fn_iu_emit_event(
        'structure_piece_split', 'TEST/iu_probe_030', '030aaaaa-0000-4000-8000-000000000030', 'iu_probe_030',
        '{"child_count": 2}'
    );
    insert into public.iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref) values
    ('iu_probe_030.off', 'structure_piece_split', false, 'workflow', 'probe'),
    ('iu_probe_030.dry', 'structure_piece_split', true, 'workflow', 'probe');
    for n in 1..4 loop
        insert into public.iu_route_dead_letter (
            event_id, worker_name, route_code, idempotency_key, event_snapshot
        )
        values (
            v_event, 'iu_probe_030_worker_' || n,
            (array['iu_probe_030.none', 'iu_probe_030.off', 'iu_probe_030.dry', 'iu_probe_030.dry'])[n],
            'iu_probe_030:' || n, jsonb_build_object('event_id', v_event)
        ) returning * into v_letter;
        v_letters := v_letters || v_letter.dead_letter_id;
    end loop;

    perform public.fn_iu_gate_set(public.fn_iu_gate_key('master'), 'false', 'probe 030: D1');
    v_seen := public.fn_iu_route_dead_letter_replay(v_letters[3]);
    perform public.fn_iu_proof_note(
        'D1 master gate closed', 'master_gate_closed, resolved false, attempt_no 1, attempts +0',
        format(
            '%s, resolved %s, attempt_no %s, attempts +%s', v_seen ->> 'status', v_seen ->> 'resolved',
            v_seen ->> 'attempt_no', public.fn_iu_probe_delta(v_base, 'iu_route_attempt')
        )
    );
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('master'), 'true', 'probe 030');

    for n in 1..3 loop
        v_seen := public.fn_iu_route_dead_letter_replay(v_letters[n], 'iu_probe_030_run');
        v_lines := v_lines || format(
            '%s: %s, resolved %s', (array['missing', 'disabled', 'dry-run'])[n], v_seen ->> 'decision',
            v_seen ->> 'resolved'
        );
    end loop;
    perform public.fn_iu_proof_note(
        'D2 replay by route',
        'missing: skipped, resolved false; disabled: skipped, resolved false; '
        'dry-run: dry_run, resolved true',
        array_to_string(v_lines, '; ')
    );
    v_seen := public.fn_iu_route_dead_letter_replay(v_letters[3]);
    perform public.fn_iu_proof_note(
        'D3 replay of a letter that is resolved', 'already_resolved, no decision, attempts +3',
        format(
            '%s, %s, attempts +%s', v_seen ->> 'status', coalesce(v_seen ->> 'decision', 'no decision'),
            public.fn_iu_probe_delta(v_base, 'iu_route_attempt')
        )
    );

    alter table public.iu_outbound_route drop constraint dry_run_is_enforced;
    update public.iu_outbound_route set dry_run = false where route_code = 'iu_probe_030.dry';
    v_lines := '{}';
    for n in 1..3 loop
        select l.next_replay_at into v_due from public.iu_route_dead_letter as l
        where l.dead_letter_id = v_letters[4];
        v_seen := public.fn_iu_route_dead_letter_replay(v_letters[4]);
        select l.* into v_letter from public.iu_route_dead_letter as l where l.dead_letter_id = v_letters[4];
        v_lines := v_lines || format(
            '%s, resolved %s, attempt_no %s, %s', v_seen ->> 'decision', v_seen ->> 'resolved',
            v_seen ->> 'attempt_no',
            case when v_letter.next_replay_at > v_due and v_letter.next_replay_at - clock_timestamp()
                between public.fn_iu_replay_delay(v_letter.attempts) - interval '30 s'
                    and public.fn_iu_replay_delay(v_letter.attempts)
                then 'due later' else 'due too soon' end
        );
    end loop;
    perform public.fn_iu_proof_note(
        'D4 replay while the route is live',
        'failed, resolved false, attempt_no 2, due later; failed, resolved false, attempt_no 3, due later; '
        'failed, resolved false, attempt_no 4, due later',
        array_to_string(v_lines, '; ')
    );
    update public.iu_outbound_route set dry_run = true where route_code = 'iu_probe_030.dry';
    perform public.fn_iu_proof_note(
        'D5 rest of a letter after 1, 2, 3 and 100 attempts', 'doubled, doubled, never above the cap',
        (
            select format(
                '%s, %s, %s',
                case when public.fn_iu_replay_delay(2) = least(2 * r.first, r.cap)
                    then 'doubled' else 'not doubled' end,
                case when public.fn_iu_replay_delay(3) = least(4 * r.first, r.cap)
                    then 'doubled' else 'not doubled' end,
                case when public.fn_iu_replay_delay(100) <= r.cap
                    then 'never above the cap' else 'above the cap' end
            )
            from (
                select
                    make_interval(
                        secs => public.fn_iu_setting_seconds('iu_core.replay_backoff_seconds', 60)
                    ) as first,
                    make_interval(
                        secs => public.fn_iu_setting_seconds('iu_core.replay_backoff_cap_seconds', 86400)
                    ) as cap
            ) as r
        )
    );

    v_seen := public.fn_iu_route_dead_letter_discard(v_letters[1], 'probe 030: not wanted');
    select l.* into v_letter from public.iu_route_dead_letter as l where l.dead_letter_id = v_letters[1];
    perform public.fn_iu_proof_note(
        'D6 discard',
        'discarded; discarded, probe 030: not wanted, by us; again: already_resolved; '
        'replay: already_resolved',
        format(
            '%s; %s, %s, %s; again: %s; replay: %s', v_seen ->> 'status', v_letter.resolution,
            v_letter.resolution_reason,
            case when v_letter.resolved_by = session_user and v_letter.resolved_at is not null
                then 'by us' else 'by nobody' end,
            public.fn_iu_route_dead_letter_discard(v_letters[1], 'probe 030: again') ->> 'status',
            public.fn_iu_route_dead_letter_replay(v_letters[1]) ->> 'status'
        )
    );
    perform public.fn_iu_proof_note(
        'D7 what is refused',
        'replay of nothing IU104, of no letter IU401; discard of no letter IU401, without a reason IU104',
        format(
            'replay of nothing %s, of no letter %s; discard of no letter %s, without a reason %s',
            public.fn_iu_probe_try('select public.fn_iu_route_dead_letter_replay(null)'),
            public.fn_iu_probe_try(
                'select public.fn_iu_route_dead_letter_replay(''030aaaaa-0000-4000-8000-000000000030'')'
            ),
            public.fn_iu_probe_try(
                'select public.fn_iu_route_dead_letter_discard('
                '''030aaaaa-0000-4000-8000-000000000030'', ''probe'')'
            ),
            public.fn_iu_probe_try(format(
                'select public.fn_iu_route_dead_letter_discard(%L, '''')', v_letters[2]
            ))
        )
    );
    perform public.fn_iu_proof_note(
        'D8 audit of the replays',
        '6 attempts, numbered 2, 2, 2, 2, 3, 4, under the letters'' own keys, 3 of the run; '
        'sent +0, open letters 2', (
            select format(
                '%s attempts, numbered %s, %s, %s of the run; sent +%s, open letters %s', count(*),
                string_agg(a.attempt_no::text, ', ' order by a.attempt_no),
                case when bool_and(a.idempotency_key like 'iu\_probe\_030:_')
                    then 'under the letters'' own keys' else 'under other keys' end,
                count(*) filter (where a.run_ref = 'iu_probe_030_run'),
                public.fn_iu_probe_delta(v_base, 'sent'),
                (
                    select count(*) from public.iu_route_dead_letter as l
                    where l.dead_letter_id = any (v_letters) and l.resolution is null
                )
            )
            from public.iu_route_attempt as a where a.event_id = v_event
        )
    );
    perform public.fn_iu_proof_note(
        'D9 in-transaction', 'event_outbox +1, iu_route_attempt +6, iu_route_dead_letter +4',
        public.fn_iu_probe_deltas(v_base)
    );
    perform public.fn_iu_proof_end('030_replay_discard_probe');
end
$probe$;

rollback;

do $post$
begin
    perform public.fn_iu_probe_close('iu_probe_030');
    perform public.fn_iu_proof_end('030_replay_discard_probe');
end
$post$;
