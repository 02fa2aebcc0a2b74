-- Undoes 030. Refuses while deliveries are not settled, or if the record of deliveries would be lost.
do $refuse$
begin
    if exists (select from public.iu_delivery) then
        raise exception 'rollback of 030_queue would lose deliveries that are not settled' using
            errcode = 'IU901',
            hint = 'Apply the functions again (iu migrate), and let the senders deliver what is queued.';
    elsif exists (select from public.iu_delivery_batch) or exists (select from public.iu_delivery_ledger)
        or exists (select from public.iu_delivery_claim) or exists (select from public.iu_delivery_decision)
    then
        raise exception 'rollback of 030_queue would lose the record of claims, outcomes and decisions' using
            errcode = 'IU901',
            hint = 'The record is evidence. If it is no longer needed, export its tables, roll back to '
                '030_queue (iu rollback 030 --module iu-delivery), and delete the rows as the owner, in this '
                'order: iu_delivery_decision, iu_delivery_outcome, iu_delivery_claim, iu_delivery_ledger, '
                'iu_delivery_batch.';
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
