-- 100: the live verification, L1 to L9. Changes nothing; raises IU902 where a line fails.
select public.fn_iu_step_require('090_route_worker_enable');

do $proof$
declare
    v_health jsonb := public.fn_iu_route_worker_health('iu_outbound_default');
    v_cursor public.iu_route_worker_cursor;
    v_seam text := 'nothing was raised';
begin
    select c.* into v_cursor from public.iu_route_worker_cursor as c where c.worker_name = 'iu_outbound_default';
    begin
        perform public.fn_iu_route_deliver('00000000-0000-7000-8000-000000000000', 'iu.version_applied.workflow');
    exception when others then
        v_seam := sqlstate;
    end;
    perform public.fn_iu_proof_note('L1 worker gate', 'true', (
        select c.value from public.dot_config as c where c.key = 'iu_core.route_worker_enabled'
    ));
    perform public.fn_iu_proof_note('L2 master gate', 'true', (
        select c.value from public.dot_config as c where c.key = 'iu_core.routes_enabled'
    ));
    perform public.fn_iu_proof_note('L3 route iu.version_applied.workflow', 'enabled, dry-run', (
        select case when r.enabled then 'enabled' else 'disabled' end || case when r.dry_run then ', dry-run' else ', live' end
        from public.iu_outbound_route as r where r.route_code = 'iu.version_applied.workflow'
    ));
    perform public.fn_iu_proof_note('L4 route safety check', 'CHECK (dry_run)', (
        select pg_get_constraintdef(c.oid) from pg_catalog.pg_constraint as c
        where c.conrelid = 'public.iu_outbound_route'::regclass and c.conname = 'dry_run_is_enforced' and c.convalidated
    ));
    perform public.fn_iu_proof_note('L5 delivery seam fails closed', 'IU201', v_seam);
    perform public.fn_iu_proof_note(
        'L6 cursor: first run recorded, position still null', 'recorded, null',
        case when v_cursor.last_run_at is null then 'not recorded' else 'recorded' end
        || ', ' || coalesce(v_cursor.cursor_event_id::text, 'null')
    );
    perform public.fn_iu_proof_note(
        'L7 audit: attempts and dead letters', '0/0',
        (public.fn_iu_audit_counts() ->> 'attempts') || '/' || (public.fn_iu_audit_counts() ->> 'dead_letters')
    );
    perform public.fn_iu_proof_note(
        'L8 health', 'healthy=true, worker_gate_open=true, backlog 0',
        format(
            'healthy=%s, worker_gate_open=%s, backlog %s',
            v_health ->> 'healthy', v_health ->> 'worker_gate_open', v_health ->> 'backlog'
        )
    );
    perform public.fn_iu_proof_note('L9 backlog', '0', v_health ->> 'backlog');
    perform public.fn_iu_proof_end('100_route_worker_live_verification');
end
$proof$;

select public.fn_iu_step_record('100_route_worker_live_verification', 'd8aef31329d655f05a6e6eebe1a60ec77d46645de37ed5b8c938342efd9ed7a0');
