-- Undoes 020. Refuses if promotions or changes of thresholds would be lost; removes cursors of live routes.
do $refuse$
begin
    if exists (select from public.iu_route_promotion) then
        raise exception 'rollback of 020_promotions would lose promotions and their decisions' using
            errcode = 'IU901',
            hint = 'They are evidence. If they are no longer needed, export iu_route_promotion and '
                'iu_route_promotion_decision, roll back to 020_promotions '
                '(iu rollback 020 --module iu-delivery), and delete the rows as the owner, in this order: '
                'iu_delivery_route, iu_route_promotion_decision, iu_route_promotion.';
    end if;
    if exists (select from public.iu_promotion_threshold_change) then
        raise exception 'rollback of 020_promotions would lose changes of thresholds and their decisions'
            using errcode = 'IU901',
            hint = 'They are evidence. If they are no longer needed, export iu_promotion_threshold_change '
                'and iu_promotion_threshold_decision, roll back to 020_promotions '
                '(iu rollback 020 --module iu-delivery), and delete the rows as the owner, in this order: '
                'iu_promotion_threshold_decision, iu_promotion_threshold_change.';
    end if;
end
$refuse$;
delete from public.iu_route_worker_cursor as c
where c.cursor_kind = 'delivery';
drop table public.iu_delivery_route;
drop table public.iu_route_promotion_decision;
drop table public.iu_route_promotion;
drop table public.iu_promotion_threshold_decision;
drop table public.iu_promotion_threshold_change;
drop table public.iu_promotion_threshold;
drop table public.iu_delivery_rehearsal;
drop table public.iu_evidence_pack;
select public.fn_iu_step_forget('iu-delivery', '020_promotions');
