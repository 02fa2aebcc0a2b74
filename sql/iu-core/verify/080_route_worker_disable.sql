-- Proof of 080: the worker gate has a row, and its closing is recorded.
do $proof$
begin
    perform public.fn_iu_proof_note('worker gate has a row that says true or false', 'yes', (
        select case when c.value in ('true', 'false') then 'yes' else 'no' end
        from public.dot_config as c where c.key = public.fn_iu_gate_key('worker')
    ));
    perform public.fn_iu_proof_note('closing of the worker gate is on record', 'yes', case when exists (
        select from public.dot_config_history as h
        where h.key = public.fn_iu_gate_key('worker') and h.new_value = 'false' and h.reason is not null
    ) then 'yes' else 'no' end);
    perform public.fn_iu_proof_end('080_route_worker_disable');
end
$proof$;
