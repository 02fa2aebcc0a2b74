create or replace function public.fn_iu_promotion_threshold_propose(threshold text, value bigint, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_old public.iu_promotion_threshold;
    v_no int;
    v_hint constant text := (
        select 'Thresholds: ' || string_agg(
            format('%s, %s to %s', t.threshold, t.minimum, t.maximum), '; ' order by t.threshold
        ) || '.' from public.iu_promotion_threshold as t
    );
begin
    perform public.fn_iu_login_require('workflow_admin', 'IU205');
    perform public.fn_iu_delivery_isolation_require();
    perform public.fn_iu_argument_require('reason', reason, 2000);
    select t.* into v_old from public.iu_promotion_threshold as t
    where t.threshold = fn_iu_promotion_threshold_propose.threshold;
    if v_old.threshold is null then
        raise exception 'there is no threshold %', coalesce(quote_literal(left(threshold, 80)), 'null')
            using errcode = 'IU104', hint = v_hint;
    elsif (value between v_old.minimum and v_old.maximum) is not true then
        raise exception 'threshold % cannot be %', threshold, coalesce(value::text, 'null')
            using errcode = 'IU104', hint = v_hint;
    end if;
    lock table public.iu_promotion_threshold_change in share row exclusive mode;
    insert into public.iu_promotion_threshold_change (
        threshold, old_value, new_value, reason, previous_hash, row_hash
    )
    values (threshold, v_old.value, value, reason, '', '')
    returning change_no into v_no;
    return jsonb_build_object(
        'status', 'proposed', 'change_no', v_no, 'threshold', threshold, 'old_value', v_old.value,
        'value', value
    );
end
$$;
comment on function public.fn_iu_promotion_threshold_propose(text, bigint, text) is
'Proposes another value of a threshold. It is in force when another login approves it. Returns {"status":
"proposed", "change_no", "threshold", "old_value", "value"}. Raises IU104, IU303, and IU205 for a superuser or
a member of iu_owner.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_promotion_threshold_propose(text, bigint, text)', 'propose'
);
