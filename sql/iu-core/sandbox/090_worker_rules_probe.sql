\set ON_ERROR_STOP on
-- Probe 090: the rules of a worker. Domains, savepoints, limits, routes, seeks, runs, another cluster, events
-- that fail, and floods of failures. One transaction, always rolled back.
-- Run by hand, as the owner of the objects: psql -f 090_worker_rules_probe.sql
-- Types, routes and workers are its own. For the events that fail it drops the constraint dry_run_is_enforced
-- at the end of the transaction, for a fraction of a second.
do $$ begin perform public.fn_iu_probe_open('iu_probe_090'); end $$;

begin;
set local transaction_isolation = 'repeatable read';
set local lock_timeout = '500ms';
set local statement_timeout = '60s';

do $probe$
declare
    v_base jsonb := public.fn_iu_probe_counts();
    v_worker constant text := 'iu_probe_090_worker';
    v_run constant text := 'select public.fn_iu_route_worker_run(%L, %s)';
    v_seek constant text := 'select public.fn_iu_route_worker_seek(''iu_probe_090_worker'', %L, %L)';
    v_emit constant text := 'select public.fn_iu_emit_event(%L, ''TEST/iu_probe_090'', '
        '''090aaaaa-0000-4000-8000-000000000090'', ''iu_probe_090'', '
        'jsonb_build_object(''place'', n)) from generate_series(1, %s) as n';
    v_seen jsonb;
    v_letters bigint;
    v_lines text [] := '{}';
    v_line text;
    v_filtered text;
begin
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('master'), 'true', 'probe 090');
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('worker'), 'true', 'probe 090');
    perform public.fn_iu_route_worker_seek(v_worker, 'latest', 'probe 090: sees only what it emits itself');
    perform public.fn_iu_route_worker_seek(
        'iu_probe_090_other', 'latest', 'probe 090: sees only what it emits itself'
    );
    insert into public.event_type_registry (event_type, event_domain, event_stream, delivery_lane) values
    ('iu_probe_090.type', 'iu', 'update', 'immediate'), ('iu_probe_090.bad', 'iu', 'update', 'immediate'),
    ('iu_probe_090.foreign', 'iu_probe_090', 'update', 'immediate');
    insert into public.iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref) values
    ('iu_probe_090.one', 'iu_probe_090.type', true, 'workflow', 'probe'),
    ('iu_probe_090.two', 'iu_probe_090.type', true, 'workflow', 'probe'),
    ('iu_probe_090.off', 'iu_probe_090.type', false, 'workflow', 'probe'),
    ('iu_probe_090.bad', 'iu_probe_090.bad', true, 'workflow', 'probe');

    execute format(v_emit, 'iu_probe_090.foreign', 3);
    v_seen := public.fn_iu_route_worker_run(v_worker, 10);
    perform public.fn_iu_proof_note(
        'W1 three events of another domain', 'ran, seen 0',
        format('%s, seen %s', v_seen ->> 'status', v_seen ->> 'seen')
    );

    v_line := public.fn_iu_probe_try(
        'do $do$ begin ' || replace(format(v_emit, 'iu_probe_090.type', 1), 'select ', 'perform ')
        || '; raise division_by_zero; end $do$'
    );
    v_line := v_line || ', ' || public.fn_iu_probe_try(format(v_emit, 'iu_probe_090.type', 1));
    v_seen := public.fn_iu_route_worker_run(v_worker, 10);
    perform public.fn_iu_proof_note(
        'W2 an event under a savepoint that is undone, and one under a savepoint that stays',
        '22012, done; seen 1', format('%s; seen %s', v_line, v_seen ->> 'seen')
    );
    perform public.fn_iu_proof_note(
        'W3 attempts of an event with two routes, and one that is off', 'iu_probe_090.one, iu_probe_090.two',
        (
            select string_agg(a.route_code, ', ' order by a.attempt_id) from public.iu_route_attempt as a
            where a.worker_name = v_worker
        )
    );

    select string_agg(
        t.n || ' ' || public.fn_iu_probe_try(format(v_run, v_worker, t.n)), ', ' order by t.place
    ) into v_line
    from (values (1, 'null'), (2, '0'), (3, '-1'), (4, '100001'), (5, '100000')) as t (place, n);
    perform public.fn_iu_proof_note(
        'W4 batch limits', 'null IU301, 0 IU301, -1 IU301, 100001 IU301, 100000 done', v_line
    );

    execute format(v_emit, 'iu_probe_090.type', 5);
    for n in 1..4 loop
        v_seen := public.fn_iu_route_worker_run(v_worker, 2, 'iu_probe_090_run');
        v_lines := v_lines || (v_seen ->> 'seen');
    end loop;
    perform public.fn_iu_proof_note(
        'W5 five events in batches of two, in their order, for one run',
        '2, 2, 1, 0; 1, 2, 3, 4, 5; 10 attempts of 3 batches',
        array_to_string(v_lines, ', ') || (
            select format(
                '; %s; %s attempts of %s batches',
                string_agg(o.safe_payload ->> 'place', ', ' order by a.attempt_id)
                    filter (where a.route_code = 'iu_probe_090.one'),
                count(*), count(distinct a.batch_id)
            )
            from public.iu_route_attempt as a inner join public.event_outbox as o on o.event_id = a.event_id
            where a.run_ref = 'iu_probe_090_run'
        )
    );
    perform public.fn_iu_proof_note('W6 the ledger of these batches', 'fits, 4 batches, 3 of the run', (
        select format(
            '%s, %s batches, %s of the run',
            coalesce(public.fn_iu_audit_chain_verify(v_worker) ->> 'fault', 'fits'), count(*),
            count(*) filter (where b.run_ref = 'iu_probe_090_run')
        )
        from public.iu_route_batch as b where b.worker_name = v_worker
    ));

    v_seen := public.fn_iu_route_worker_run('iu_probe_090_other', 100);
    perform public.fn_iu_proof_note(
        'W7 another worker, and the keys of both', 'seen 6, attempts_written 12; 24 keys', format(
            'seen %s, attempts_written %s; %s keys', v_seen ->> 'seen', v_seen ->> 'attempts_written',
            (
                select count(distinct a.idempotency_key) from public.iu_route_attempt as a
                where a.worker_name in (v_worker, 'iu_probe_090_other')
            )
        )
    );

    select string_agg(
        t.label || ' ' || public.fn_iu_probe_try(format(v_seek, t.place, t.reason)), ', ' order by t.n
    ) into v_line
    from (values
        (1, 'unknown event', '090aaaaa-0000-4000-8000-000000000091', 'probe 090'),
        (2, 'no position', 'yesterday', 'probe 090'), (3, 'without a reason', 'beginning', '')
    ) as t (n, label, place, reason);
    perform public.fn_iu_proof_note(
        'W8 seeks that are refused', 'unknown event IU501, no position IU501, without a reason IU104', v_line
    );
    perform public.fn_iu_route_worker_seek(v_worker, (
        select o.event_id::text from public.event_outbox as o
        where o.event_domain = 'iu' and o.emitted_xid = pg_current_xact_id() order by o.event_seq limit 1
    ), 'probe 090: again');
    v_seen := public.fn_iu_route_worker_run(v_worker, 100);
    perform public.fn_iu_proof_note(
        'W9 a seek that is on record, and what is read again',
        '2 seeks, probe 090: again; seen 5, attempts_written 0', (
            select format(
                '%s seeks, %s; seen %s, attempts_written %s', count(*),
                (array_agg(k.reason order by k.seek_no desc))[1],
                v_seen ->> 'seen', v_seen ->> 'attempts_written'
            )
            from public.iu_route_worker_seek as k where k.worker_name = v_worker
        )
    );

    update public.iu_route_worker_cursor set anchor_key = gen_random_uuid() where worker_name = v_worker;
    v_line := public.fn_iu_probe_try(format(v_run, v_worker, 10));
    perform public.fn_iu_route_worker_seek(v_worker, 'latest', 'probe 090: anchored here');
    perform public.fn_iu_proof_note(
        'W10 the cursor of another anchor, and after a seek', 'IU501, done',
        v_line || ', ' || public.fn_iu_probe_try(format(v_run, v_worker, 10))
    );

    alter table public.iu_outbound_route drop constraint dry_run_is_enforced;
    update public.iu_outbound_route set dry_run = false where route_code = 'iu_probe_090.bad';
    execute format(v_emit, 'iu_probe_090.type', 3);
    execute format(v_emit, 'iu_probe_090.bad', 1);
    execute format(v_emit, 'iu_probe_090.type', 3);
    v_seen := public.fn_iu_route_worker_run(v_worker, 100);
    perform public.fn_iu_proof_note(
        'W11 one bad event among six others',
        'seen 7, attempts_written 13, dead_lettered 1; 12 x dry_run, 1 x failed IU201',
        format(
            'seen %s, attempts_written %s, dead_lettered %s; ', v_seen ->> 'seen',
            v_seen ->> 'attempts_written', v_seen ->> 'dead_lettered'
        ) || (
            select string_agg(format('%s x %s', s.n, s.said), ', ' order by s.said)
            from (
                select concat_ws(' ', a.decision, substring(a.error_detail from 'IU[0-9]{3}')) as said,
                    count(*) as n
                from public.iu_route_attempt as a
                where a.batch_id = (v_seen ->> 'batch_id')::bigint group by 1
            ) as s
        )
    );

    v_letters := public.fn_iu_probe_delta(v_base, 'iu_route_dead_letter');
    execute format(v_emit, 'iu_probe_090.type', 9);
    execute format(v_emit, 'iu_probe_090.bad', 11);
    v_line := public.fn_iu_probe_try(format(v_run, v_worker, 100));
    -- This transaction has locked the table since W11, so row security on it delays no other session more.
    alter table public.iu_outbound_route enable row level security, force row level security;
    v_filtered := public.fn_iu_probe_try(format(v_run, v_worker, 100));
    alter table public.iu_outbound_route disable row level security, no force row level security;
    update public.iu_outbound_route set dry_run = true where route_code = 'iu_probe_090.bad';
    perform public.fn_iu_proof_note(
        'W12 a flood of 11 bad events in 20, and after it was stopped',
        'IU302, letters +0; seen 20, dead_lettered 0', (
            select format(
                '%s, letters +%s; seen %s, dead_lettered %s', v_line,
                public.fn_iu_probe_delta(v_base, 'iu_route_dead_letter') - v_letters,
                a.answer ->> 'seen', a.answer ->> 'dead_lettered'
            )
            from (select public.fn_iu_route_worker_run(v_worker, 100) as answer) as a
        )
    );
    perform public.fn_iu_proof_note(
        'W13 in-transaction', 'event_outbox +36, iu_route_attempt +66, iu_route_dead_letter +1',
        public.fn_iu_probe_deltas(v_base)
    );
    perform public.fn_iu_proof_note('W14 a run whose routes are under row security', (
        select case when r.rolsuper or r.rolbypassrls then 'IU302, for the owner is not subject to it'
            else '42501' end
        from pg_catalog.pg_class as c inner join pg_catalog.pg_roles as r on r.oid = c.relowner
        where c.oid = 'public.iu_outbound_route'::regclass
    ), v_filtered || case when v_filtered = 'IU302' then ', for the owner is not subject to it' else '' end);
    perform public.fn_iu_proof_end('090_worker_rules_probe');
end
$probe$;

rollback;

do $post$
begin
    perform public.fn_iu_probe_close('iu_probe_090');
    perform public.fn_iu_proof_end('090_worker_rules_probe');
end
$post$;
