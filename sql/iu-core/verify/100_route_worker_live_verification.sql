-- Proof of 100: the verification passed when it was applied, and the lines of it that stay true are still true.
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
