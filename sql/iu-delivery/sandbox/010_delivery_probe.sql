\set ON_ERROR_STOP on
-- Probe 010: a whole life of a delivery, and everything that keeps one from being claimed. Nothing is sent.
-- One transaction, always rolled back.
-- Run by hand, as the owner of the objects: psql -f 010_delivery_probe.sql
-- The probe makes a target, and a route with a promotion that only an owner can write. No session can act as
-- a login that did not open it, so after line D3 the check of the login is replaced inside the transaction.
do $$ begin perform public.fn_iu_probe_open('iu_probe_delivery'); end $$;

begin;
-- Deliveries refuse a stricter isolation level.
set local transaction_isolation = 'read committed';
set local lock_timeout = '500ms';
set local statement_timeout = '60s';
set local jit = off;

create function pg_temp.iu_ask(statement text)
returns text
language plpgsql
as $$
declare
    v_answer text;
begin
    execute statement into v_answer;
    return coalesce(v_answer, 'nothing');
exception when others then
    return sqlstate;
end
$$;

create function pg_temp.iu_states(route_code text)
returns text
language sql
as $$
    select string_agg(concat(w.state, ' ' || w.attempts), ', ' order by o.event_seq)
    from public.event_outbox as o
    cross join lateral public.fn_iu_delivery_why(o.event_id) as w
    where o.event_domain = 'iu_probe_delivery' and w.route_code = iu_states.route_code
$$;

do $probe$
declare
    v_code constant text := 'iu_probe_delivery.route';
    v_claim constant text := 'select string_agg(c.claim_id || '':'' || c.fence, '','' order by c.claim_id) '
        'from public.fn_iu_delivery_claim(''iu_probe_delivery'', 10, ''probe'', ''probe run'') as c';
    v_claim_plan constant text := 'select nullif(count(*), 0) '
        'from public.fn_iu_delivery_claim_plan(%L, 10, ''probe'')';
    v_record constant text := 'select public.fn_iu_delivery_record(jsonb_agg(jsonb_build_object('
        '''claim_id'', split_part(k, '':'', 1)::bigint, ''fence'', split_part(k, '':'', 2)::int, '
        '''decision'', %L, '
        '''status_code'', %s))) from string_to_table(%L, '','') as k';
    v_later constant text := 'update public.iu_delivery set due_at = due_at - interval ''1 day'' '
        'where route_no = %1$s; update public.iu_delivery_route set due_checked_at = ''epoch'' '
        'where route_no = %1$s';
    v_route public.iu_delivery_route;
    v_cursor public.iu_route_worker_cursor;
    v_batch public.iu_delivery_batch;
    v_asked public.iu_attempts_request;
    v_case record;
    v_first text;
    v_second text;
    v_line text;
begin
    insert into public.event_type_registry (event_type, event_stream, delivery_lane, event_domain) values
    ('iu_probe_delivery.type', 'update', 'immediate', 'iu_probe_delivery');
    insert into public.iu_delivery_target (target_name, kind, address, after_failover)
    values ('iu_probe_delivery', 'webhook', 'https://probe.invalid/', 'resume');
    insert into public.iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref)
    values (v_code, 'iu_probe_delivery.type', true, 'webhook', 'iu_probe_delivery');
    with proposed as (
        insert into public.iu_route_promotion (
            route_no, route_code, route_version, target_no, target_version, configuration_hash, share,
            max_failure_share, valid_for, deployment, system_identifier, anchor_key, queued, evidence, reason,
            proposed_by, previous_hash, row_hash
        )
        select r.route_no, r.route_code, r.route_version, t.target_no, t.target_version,
            public.fn_iu_promotion_configuration(r.event_type), 1, 1, '1 hour', 'probe', c.system_identifier,
            a.anchor_key, 'deliver', '{}', 'probe delivery', 'iu_probe_delivery_proposer', '', ''
        from public.iu_outbound_route as r
        inner join public.iu_delivery_target as t on t.target_name = r.target_ref
        cross join pg_control_system() as c
        cross join public.fn_iu_cluster_newest() as a
        where r.route_code = v_code
        returning *
    ),

    decided as (
        insert into public.iu_route_promotion_decision (
            promotion_no, decision, reason, proposed_by, decided_by, previous_hash, row_hash
        )
        select p.promotion_no, 'approve', 'probe delivery', p.proposed_by, 'iu_probe_delivery_approver', '',
            ''
        from proposed as p
    )

    insert into public.iu_delivery_route as d (
        route_no, route_code, event_type, event_domain, target_no, promotion_no, expires_at
    )
    select p.route_no, p.route_code, 'iu_probe_delivery.type', 'iu_probe_delivery', p.target_no,
        p.promotion_no,
        clock_timestamp() + p.valid_for
    from proposed as p
    returning d.* into v_route;
    v_cursor := public.fn_iu_cursor_make('live:' || v_route.route_no, v_route.event_domain, 'delivery');
    perform set_config('iu.deployment', 'probe', true);
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('master'), 'true', 'probe delivery');
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('delivery'), 'true', 'probe delivery');
    perform public.fn_iu_gate_set(public.fn_iu_gate_key('live_routes'), v_code, 'probe delivery');

    perform public.fn_iu_emit_event(
        'iu_probe_delivery.type', 'TEST/iu_probe_delivery', s.subject, 'iu_probe_delivery', '{}'
    )
    from (values
        (1, '0d0aaaaa-0000-4000-8000-000000000001'::uuid), (2, '0d0aaaaa-0000-4000-8000-000000000001'),
        (3, '0d0aaaaa-0000-4000-8000-000000000002')
    ) as s (place, subject);
    perform public.fn_iu_proof_note('D1 events before they are read', 'unread 0, unread 0, unread 0',
        pg_temp.iu_states(v_code));
    -- As fn_iu_delivery_enqueue, which leaves the events of its own transaction to a later call.
    v_asked.restored_seq := coalesce((public.fn_iu_cluster_newest()).restored_seq, 0);
    v_asked.batch_limit := 10;
    v_asked.with_own := true;
    v_batch.route_no := v_route.route_no;
    v_batch.promotion_no := v_route.promotion_no;
    v_batch.started_at := clock_timestamp();
    v_batch.previous_hash := v_cursor.last_batch_hash;
    v_cursor := public.fn_iu_window_open(v_cursor, v_asked.restored_seq, null);
    v_batch := public.fn_iu_delivery_queue_write(v_cursor, v_batch, v_asked, v_route);
    v_batch := public.fn_iu_delivery_batch_record(v_batch);
    v_cursor.last_batch_hash := v_batch.batch_hash;
    perform public.fn_iu_cursor_store(v_cursor);
    perform public.fn_iu_proof_note('D2 events in the queue', 'queued 0, queued 0, queued 0',
        pg_temp.iu_states(v_code));
    perform public.fn_iu_proof_note(
        'D3 claim, record and enqueue by the login of the probe, as owner or superuser',
        'claim IU201, record IU201', format('claim %s, record %s', public.fn_iu_probe_try(v_claim),
        public.fn_iu_probe_try('select public.fn_iu_delivery_record(''[]'')'))
    );

    create or replace function public.fn_iu_login_require(role_name text, errcode text)
    returns void language sql set search_path = pg_catalog, pg_temp as '';
    create or replace function public.fn_iu_target_sender_require(given public.iu_delivery_target)
    returns void language sql set search_path = pg_catalog, pg_temp as '';
    for v_case in
        select * from (values
            (1, 'the master gate is closed', format('select public.fn_iu_gate_set(%L, ''false'', '
                '''probe delivery'')',
                public.fn_iu_gate_key('master')), 'master_gate_closed'),
            (2, 'the delivery gate is closed', format('select public.fn_iu_gate_set(%L, ''false'', '
                '''probe delivery'')', public.fn_iu_gate_key('delivery')), 'delivery_gate_closed'),
            (3, 'the route is not listed', format('select public.fn_iu_gate_set(%L, '''', '
                '''probe delivery'')',
                public.fn_iu_gate_key('live_routes')), 'not_listed'),
            (4, 'the promotion is demoted', 'update public.iu_delivery_route set held_reason = ''demoted'' '
                'where route_code = ''iu_probe_delivery.route''', 'demoted'),
            (5, 'the promotion has expired', 'update public.iu_delivery_route set expires_at = now() '
                'where route_code = ''iu_probe_delivery.route''', 'promotion_expired'),
            (6, 'the route has changed', 'update public.iu_outbound_route set enabled = false '
                'where route_code = ''iu_probe_delivery.route''', 'route_changed'),
            (7, 'the event type has changed',
                'update public.event_type_registry set payload_keys = ''{more}'' '
                'where event_type = ''iu_probe_delivery.type''', 'event_type_changed'),
            (8, 'the target has changed', 'update public.iu_delivery_target set timeout_seconds = 9 '
                'where target_name = ''iu_probe_delivery''', 'target_changed'),
            (9, 'the sender has another deployment', 'select set_config(''iu.deployment'', ''other'', true)',
                'nothing')
        ) as c (place, label, statement, reason)
        order by c.place
    loop
        begin
            execute v_case.statement;
            v_line := format('claimed %s, %s', pg_temp.iu_ask(v_claim), (
                select coalesce(public.fn_iu_delivery_refusal(r), 'nothing')
                from public.iu_delivery_route as r where r.route_no = v_route.route_no
            ));
            raise exception using errcode = 'P0001', message = 'undo';
        exception when raise_exception then
            perform public.fn_iu_proof_note(
                format('D4.%s nothing is claimed while %s', v_case.place, v_case.label),
                'claimed nothing, ' || v_case.reason, v_line
            );
        end;
    end loop;
    begin
        update public.iu_delivery as d set queued_at = d.queued_at - interval '1 day'
        where d.route_no = v_route.route_no and d.is_head;
        v_first := public.fn_iu_delivery_plan_make(
            'drain', jsonb_build_object('target', 'iu_probe_delivery', 'since', now() - interval '1 hour'),
            'probe delivery'
        ) ->> 'plan_hash';
        v_second := public.fn_iu_delivery_plan_make(
            'drain', jsonb_build_object('target', 'iu_probe_delivery', 'limit', 1), 'probe delivery'
        ) ->> 'plan_hash';
        v_line := format(
            'of the second %s, of the first %s: ',
            pg_temp.iu_ask(format(v_claim_plan, v_first)), pg_temp.iu_ask(format(v_claim_plan, v_second))
        ) || pg_temp.iu_states(v_code);
        raise exception using errcode = 'P0001', message = 'undo';
    exception when raise_exception then
        perform public.fn_iu_proof_note(
            'D12 a plan claims nothing that it does not name',
            'of the second nothing, of the first 1: in_flight 1, queued 0, queued 0', v_line
        );
    end;
    v_first := pg_temp.iu_ask(v_claim);
    perform public.fn_iu_proof_note(
        'D5 the heads of both subjects are claimed, once',
        'in_flight 1, queued 0, in_flight 1; again nothing',
        format('%s; again %s', pg_temp.iu_states(v_code), pg_temp.iu_ask(v_claim))
    );
    execute format(v_later, v_route.route_no);
    v_line := pg_temp.iu_states(v_code);
    v_second := pg_temp.iu_ask(v_claim);
    perform public.fn_iu_proof_note(
        'D6 after a lease without an outcome: in doubt, claimed again',
        'in_doubt 1, queued 0, in_doubt 1; in_flight 2, queued 0, in_flight 2',
        format('%s; %s', v_line, pg_temp.iu_states(v_code))
    );
    v_line := pg_temp.iu_ask(format(v_record, 'sent', 200, v_first));
    perform public.fn_iu_proof_note(
        'D7 a late outcome of the claims before is recorded and changes nothing',
        'recorded 2, stale 2, sent 0; in_flight 2, queued 0, in_flight 2',
        format('recorded %s, stale %s, sent %s; %s', substring(v_line from '"recorded": (\d+)'),
            substring(v_line from '"stale": (\d+)'), substring(v_line from '"sent": (\d+)'),
            pg_temp.iu_states(v_code))
    );
    perform pg_temp.iu_ask(format(v_record, 'failed', 400, split_part(v_second, ',', 1)));
    perform pg_temp.iu_ask(format(v_record, 'sent', 200, split_part(v_second, ',', 2)));
    perform public.fn_iu_proof_note(
        'D8 one is sent, one fails for good: the next of its subject is parked', 'dead 2, parked 0, sent 2',
        pg_temp.iu_states(v_code)
    );
    execute format(v_later, v_route.route_no);
    v_line := pg_temp.iu_ask(v_claim);
    perform public.fn_iu_delivery_discard(v_code, o.event_id, 'probe delivery')
    from (
        select e.event_id from public.event_outbox as e
        where e.event_domain = v_route.event_domain order by e.event_seq limit 1
    ) as o;
    v_first := pg_temp.iu_ask(v_claim);
    perform pg_temp.iu_ask(format(v_record, 'sent', 200, v_first));
    perform public.fn_iu_proof_note(
        'D9 a parked one is claimed when the dead letter is discarded',
        'before nothing; discarded 2, sent 1, sent 2',
        format('before %s; %s', v_line, pg_temp.iu_states(v_code))
    );
    select format('%s; %s', string_agg(c.state || ' ' || c.deliveries, ', ' order by c.state),
        coalesce(public.fn_iu_delivery_chain_verify(100) ->> 'fault', 'fit'))
    into v_line from public.fn_iu_delivery_conservation(v_code, 0, 9223372036854775807) as c;
    perform public.fn_iu_proof_note(
        'D10 conservation and chains of what the probe did', 'discarded 1, sent 2; fit', v_line
    );
    perform public.fn_iu_proof_note(
        'D11 the owner changes what is recorded',
        'claim IU203 IU203, outcome IU203 IU203, decision IU203 IU203, ledger IU203 IU203, '
        'batch IU203 IU203, plan IU203 IU203, plan_entry IU203 IU203',
        (
            select string_agg(format(
                '%s %s %s', t.name,
                public.fn_iu_probe_try(format(
                    'update public.iu_delivery_%s set %I = null where false', t.name, t.changed
                )),
                public.fn_iu_probe_try(format('delete from public.iu_delivery_%s where false', t.name))
            ), ', ' order by t.place)
            from (values
                (1, 'claim', 'body_hash'), (2, 'outcome', 'decision'), (3, 'decision', 'reason'),
                (4, 'ledger', 'sender'), (5, 'batch', 'seen'), (6, 'plan', 'reason'),
                (7, 'plan_entry', 'event_id')
            ) as t (place, name, changed)
        )
    );
    perform public.fn_iu_proof_end('iu-delivery/010_delivery_probe');
end
$probe$;

rollback;

do $post$
begin
    perform public.fn_iu_probe_close('iu_probe_delivery');
    perform public.fn_iu_proof_note(
        'POST-ROLLBACK the check of the login', 'check IU201, record IU201',
        format('check %s, record %s', public.fn_iu_probe_try(
            'select public.fn_iu_login_require(''iu_sender'', ''IU201'')'
        ), public.fn_iu_probe_try('select public.fn_iu_delivery_record(''[]'')'))
    );
    perform public.fn_iu_proof_end('iu-delivery/010_delivery_probe');
end
$post$;
