create or replace function public.fn_iu_promotion_decision_write(
    promotion_no int, decision text, reason text, automatic boolean
)
returns public.iu_route_promotion_decision
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_decision public.iu_route_promotion_decision;
begin
    -- The last lock of every transaction that takes it: after the target and the route.
    lock table public.iu_route_promotion_decision in share row exclusive mode;
    insert into public.iu_route_promotion_decision (
        promotion_no, decision, reason, proposed_by, automatic, previous_hash, row_hash
    )
    select p.promotion_no, decision, reason, p.proposed_by, automatic, '', ''
    from public.iu_route_promotion as p
    where p.promotion_no = fn_iu_promotion_decision_write.promotion_no
    returning * into strict v_decision;
    return v_decision;
end
$$;
comment on function public.fn_iu_promotion_decision_write(int, text, text, boolean) is
'Adds a decision about a promotion to its chain and returns it. Decisions are made one after the other: the
lock is held until the end of the transaction.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_promotion_decision_write(int, text, text, boolean)', 'internal'
);
