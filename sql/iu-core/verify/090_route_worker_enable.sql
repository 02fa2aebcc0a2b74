-- Proof of 090: the worker gate was opened, the default worker has run, and delivery still fails closed.
do $proof$
declare
    v_delivery text := 'nothing was raised';
begin
    perform public.fn_iu_proof_note('opening of the worker gate is on record', 'yes', case when exists (
        select from public.dot_config_history as h
        where h.key = public.fn_iu_gate_key('worker') and h.new_value = 'true' and h.reason is not null
    ) then 'yes' else 'no' end);
    perform public.fn_iu_proof_note('first run of iu_outbound_default is on record', 'yes', (
        select case when c.last_run_at is null then 'no' else 'yes' end
        from public.iu_route_worker_cursor as c where c.worker_name = 'iu_outbound_default'
    ));
    begin
        perform public.fn_iu_route_deliver(
            '00000000-0000-7000-8000-000000000000', 'iu.version_applied.workflow'
        );
    exception when others then
        v_delivery := sqlstate;
    end;
    perform public.fn_iu_proof_note('delivery seam fails closed', case
        when has_function_privilege('public.fn_iu_route_deliver(uuid, text)', 'execute')
            then 'IU201' else '42501'
    end, v_delivery);
    perform public.fn_iu_proof_note('attempts that were sent', '0', (
        select coalesce(sum(t.sent), 0)::text from public.iu_route_attempt_tally as t
    ));
    perform public.fn_iu_proof_end('090_route_worker_enable');
end
$proof$;
