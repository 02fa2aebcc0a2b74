create or replace function public.fn_iu_promotion_threshold_decide(change_no int, decision text, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_change public.iu_promotion_threshold_change;
    v_value bigint;
begin
    select c.* into v_change from public.iu_promotion_threshold_change as c
    where c.change_no = fn_iu_promotion_threshold_decide.change_no;
    perform public.fn_iu_decision_require(decision, reason, v_change.proposed_by);
    if v_change.change_no is null then
        raise exception 'unknown change % of a threshold', coalesce(change_no::text, 'null') using
            errcode = 'IU104', hint = 'List the proposed changes with: iu promote threshold list';
    end if;
    lock table public.iu_promotion_threshold_decision in share row exclusive mode;
    if exists (
        select from public.iu_promotion_threshold_decision as d where d.change_no = v_change.change_no
    ) then
        return jsonb_build_object('status', 'already_decided', 'change_no', change_no);
    end if;
    select t.value into v_value from public.iu_promotion_threshold as t
    where t.threshold = v_change.threshold for update;
    if decision = 'approve' and v_value <> v_change.old_value then
        raise exception 'threshold % is % and not % as when the change was proposed', v_change.threshold,
            v_value, v_change.old_value using
            errcode = 'IU206', hint = 'Propose the change again with: iu promote threshold set';
    end if;
    insert into public.iu_promotion_threshold_decision (
        change_no, decision, reason, proposed_by, previous_hash, row_hash
    )
    values (v_change.change_no, decision, reason, v_change.proposed_by, '', '');
    if decision = 'approve' then
        update public.iu_promotion_threshold as t set value = v_change.new_value
        where t.threshold = v_change.threshold;
    end if;
    return jsonb_build_object(
        'status', case decision when 'approve' then 'approved' else 'rejected' end, 'change_no', change_no,
        'threshold', v_change.threshold,
        'value', case decision when 'approve' then v_change.new_value else v_value end
    );
end
$$;
comment on function public.fn_iu_promotion_threshold_decide(int, text, text) is
'Approves or rejects a proposed change of a threshold. Returns {"status", "change_no", "threshold", "value"};
status is approved, rejected or already_decided. Raises IU204 for a login that is not an approver, IU205 if it
made the proposal, IU206 if the threshold changed since, IU104, IU303. Decisions are made one after the
other.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_promotion_threshold_decide(int, text, text)', 'approve'
);
