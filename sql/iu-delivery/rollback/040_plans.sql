-- Undoes 040. Refuses if plans would be lost.
do $refuse$
begin
    if exists (select from public.iu_delivery_plan) then
        raise exception 'rollback of 040_plans would lose plans' using
            errcode = 'IU901',
            hint = 'They are evidence. If they are no longer needed, export iu_delivery_plan and '
                'iu_delivery_plan_entry, roll back to 040_plans (iu rollback 040 --module iu-delivery), and '
                'delete the rows as the owner, in this order: iu_delivery_plan_subject, '
                'iu_delivery_plan_state, iu_delivery_plan_entry, iu_delivery_plan.';
    end if;
end
$refuse$;
drop table public.iu_delivery_plan_subject;
drop table public.iu_delivery_plan_state;
drop table public.iu_delivery_plan_entry;
drop table public.iu_delivery_plan;
select public.fn_iu_step_forget('iu-delivery', '040_plans');
