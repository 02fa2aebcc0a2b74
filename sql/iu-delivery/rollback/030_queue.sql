-- Undoes 030. Refuses while deliveries are not settled, or while claims would be lost.
do $refuse$
declare
    v_open constant bigint := (select count(*) from public.iu_delivery);
begin
    if v_open > 0 or exists (select from public.iu_delivery_claim) then
        raise exception 'rollback of 030_queue would lose % and the record of claims',
            format('%s deliveries that are not settled', v_open) using
            errcode = 'IU901',
            hint = 'Deliver or discard what is queued. Export the tables iu_delivery_claim and '
                'iu_delivery_outcome, and delete their rows as the owner if they are no longer needed.';
    end if;
end
$refuse$;
drop type public.iu_delivery_report;
drop table public.iu_delivery_retention_history;
drop table public.iu_delivery_decision;
drop table public.iu_delivery_outcome;
drop table public.iu_delivery_claim;
drop table public.iu_delivery_ledger;
drop table public.iu_delivery_batch;
drop table public.iu_delivery;
select public.fn_iu_step_forget('iu-delivery', '030_queue');
