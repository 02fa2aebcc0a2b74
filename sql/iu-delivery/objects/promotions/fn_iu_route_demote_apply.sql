create or replace function public.fn_iu_route_demote_apply(route_no int, reason text, automatic boolean)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_promotion_no int;
begin
    update public.iu_delivery_route as r
    set held_reason = 'demoted', held_since = coalesce(r.held_since, clock_timestamp())
    where r.route_no = fn_iu_route_demote_apply.route_no
    returning r.promotion_no into strict v_promotion_no;
    if not exists (
        select from public.iu_route_promotion_decision as d
        where d.promotion_no = v_promotion_no and d.decision = 'demote'
    ) then
        perform public.fn_iu_promotion_decision_write(v_promotion_no, 'demote', reason, automatic);
    end if;
end
$$;
comment on function public.fn_iu_route_demote_apply(int, text, boolean) is
'Demotes a live route: it is held until a new promotion is approved, and the demotion is added to the chain of
decisions once. The caller holds the lock of the state of its target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_route_demote_apply(int, text, boolean)', 'internal'
);
