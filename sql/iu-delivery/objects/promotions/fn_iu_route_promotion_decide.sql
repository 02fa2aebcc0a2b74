create or replace function public.fn_iu_route_promotion_decide(promotion_no int, decision text, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_given public.iu_route_promotion;
begin
    select p.* into v_given from public.iu_route_promotion as p
    where p.promotion_no = fn_iu_route_promotion_decide.promotion_no for no key update;
    perform public.fn_iu_decision_require(decision, reason, v_given.proposed_by);
    if v_given.promotion_no is null then
        raise exception 'unknown promotion %', coalesce(promotion_no::text, 'null') using
            errcode = 'IU104', hint = 'List the promotions with: iu promote list';
    elsif exists (
        select from public.iu_route_promotion_decision as d
        where d.promotion_no = v_given.promotion_no and d.decision <> 'demote'
    ) then
        return jsonb_build_object('status', 'already_decided', 'promotion_no', promotion_no);
    elsif decision = 'approve' then
        return public.fn_iu_promotion_approve(v_given, reason);
    end if;
    perform public.fn_iu_promotion_decision_write(promotion_no, 'reject', reason, false);
    return jsonb_build_object(
        'status', 'rejected', 'promotion_no', promotion_no, 'route_code', v_given.route_code
    );
end
$$;
comment on function public.fn_iu_route_promotion_decide(int, text, text) is
'Approves or rejects a promotion that another login proposed. An approval checks everything again, creates the
cursor of the route or continues where it stood, and discards the queue if the proposal says so. Returns
{"status", "promotion_no", "route_code", "expires_at", "discarded", "passed_over"}; status is approved,
rejected, already_decided, or busy if the queue of the route is being written. Raises IU204 for a login that
is not an approver, IU205 for a rule that is not met, IU206 if what was proposed has changed, IU104, IU303,
IU501.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_route_promotion_decide(int, text, text)', 'approve'
);
