-- Proof of 100: the step is recorded, which it is only if its checks passed. Those that must stay true are
-- checked again, the health of each worker in the setting iu.workers, a comma-separated list. Without the
-- setting it is iu_outbound_default. A session of psql sets it with: set iu.workers = 'orders_outbound'.
do $proof$
declare
    v_workers constant text := coalesce(
        nullif(btrim(current_setting('iu.workers', true)), ''), 'iu_outbound_default'
    );
    v_worker text;
    v_health jsonb;
begin
    perform public.fn_iu_proof_note('ledger holds the step', '1', (
        select count(*)::text from public.iu_schema_step as s
        where s.module = 'iu-core' and s.step_name = '100_route_worker_live_verification'
    ));
    foreach v_worker in array regexp_split_to_array(v_workers, '\s*,\s*') loop
        v_health := public.fn_iu_route_worker_health(v_worker);
        perform public.fn_iu_proof_note(
            'health of ' || v_worker, 'true',
            case when (v_health ->> 'healthy')::boolean then 'true' else 'false: ' || (
                select string_agg(r.reason, '; ')
                from jsonb_array_elements_text(v_health -> 'reasons') as r (reason)
            ) end
        );
    end loop;
    perform public.fn_iu_proof_note('delivered without a promotion', '0', (
        select t.unpromoted::text from public.fn_iu_sent_tally() as t
    ));
    perform public.fn_iu_proof_end('100_route_worker_live_verification');
end
$proof$;
