-- Proof of 100: the step is recorded, which it is only if its checks passed. Those that must stay true are
-- checked again.
do $proof$
declare
    v_health jsonb := public.fn_iu_route_worker_health('iu_outbound_default');
begin
    perform public.fn_iu_proof_note('ledger holds the step', '1', (
        select count(*)::text from public.iu_schema_step as s
        where s.module = 'iu-core' and s.step_name = '100_route_worker_live_verification'
    ));
    perform public.fn_iu_proof_note('health', 'true', v_health ->> 'healthy');
    perform public.fn_iu_proof_note('delivered', '0', v_health ->> 'delivered_sent');
    perform public.fn_iu_proof_end('100_route_worker_live_verification');
end
$proof$;
