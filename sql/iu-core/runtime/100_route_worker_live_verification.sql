-- 100: live verification, L1 to L9. Read-only; raises IU902 if a line fails.
-- L6, L7 and L9 hold for an outbox without events. If it is in use (the step is applied again), the audit
-- must agree with the batches instead, and L9 only reports the backlog.
select public.fn_iu_step_require('iu-core', '090_route_worker_enable');

do $proof$
declare
    v_health jsonb := public.fn_iu_route_worker_health('iu_outbound_default');
    v_cursor public.iu_route_worker_cursor;
    v_seam text := 'nothing was raised';
    v_in_use constant boolean := exists (select from public.event_outbox as o where o.event_domain = 'iu');
    v_audit constant jsonb := public.fn_iu_audit_counts();
    v_ledger record;
begin
    select c.* into v_cursor from public.iu_route_worker_cursor as c
    where c.worker_name = 'iu_outbound_default';
    begin
        perform public.fn_iu_route_deliver(
            '00000000-0000-7000-8000-000000000000', 'iu.version_applied.workflow'
        );
    exception when others then
        v_seam := sqlstate;
    end;
    perform public.fn_iu_proof_note('L1 worker gate', 'true', (
        select c.value from public.dot_config as c where c.key = public.fn_iu_gate_key('worker')
    ));
    perform public.fn_iu_proof_note('L2 master gate', 'true', (
        select c.value from public.dot_config as c where c.key = public.fn_iu_gate_key('master')
    ));
    perform public.fn_iu_proof_note('L3 route iu.version_applied.workflow', 'enabled, dry-run', (
        select case when r.enabled then 'enabled' else 'disabled' end
            || case when r.dry_run then ', dry-run' else ', live' end
        from public.iu_outbound_route as r where r.route_code = 'iu.version_applied.workflow'
    ));
    perform public.fn_iu_proof_note('L4 route safety check', 'CHECK (dry_run)', (
        select pg_get_constraintdef(c.oid) from pg_catalog.pg_constraint as c
        where c.conrelid = 'public.iu_outbound_route'::regclass and c.conname = 'dry_run_is_enforced'
            and c.convalidated
    ));
    perform public.fn_iu_proof_note('L5 delivery seam fails closed', 'IU201', v_seam);
    select coalesce(sum(b.attempts_written), 0) as attempts, coalesce(sum(b.dead_lettered), 0) as letters,
        count(*) filter (where b.worker_name = 'iu_outbound_default') as own
    into v_ledger from public.iu_route_batch as b;
    perform public.fn_iu_proof_note(
        'L6 cursor: first run recorded, position still null',
        'recorded, ' || case when v_ledger.own > 0 then 'moved' else 'null' end,
        case when v_cursor.last_run_at is null then 'not recorded' else 'recorded' end
        || ', ' || case when v_cursor.cursor_event_id is null then 'null' else 'moved' end
    );
    perform public.fn_iu_proof_note(
        'L7 audit: attempts and dead letters', format('%s/%s', v_ledger.attempts, v_ledger.letters),
        format('%s/%s', (v_audit ->> 'attempts')::bigint - (
            select coalesce(sum(t.attempts), 0) from public.iu_route_attempt_tally as t
            where starts_with(t.tally_key, 'replay/')
        ), v_audit ->> 'dead_letters')
    );
    perform public.fn_iu_proof_note(
        'L8 health',
        'healthy=true, worker_gate_open=true' || case when v_in_use then '' else ', backlog 0' end,
        format('healthy=%s, worker_gate_open=%s', v_health ->> 'healthy', v_health ->> 'worker_gate_open')
        || case when v_in_use then '' else format(', backlog %s', v_health ->> 'backlog') end
    );
    if v_in_use then
        raise notice 'L9 backlog %: reported only, because the outbox is in use', v_health ->> 'backlog';
    else
        perform public.fn_iu_proof_note('L9 backlog', '0', v_health ->> 'backlog');
    end if;
    perform public.fn_iu_proof_end('100_route_worker_live_verification');
end
$proof$;

select public.fn_iu_step_record(
    'iu-core', '100_route_worker_live_verification',
    'f12ced271984d697e5500d217e5e9922011749f9915bef6f0c2b573d673c0bba'
);
