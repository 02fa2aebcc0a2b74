create or replace function public.fn_iu_delivery_plan_require(plan_hash text, kinds text[])
returns public.iu_delivery_plan
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_plan public.iu_delivery_plan;
begin
    perform public.fn_iu_name_require(
        'plan_hash', plan_hash, '^[0-9a-f]{64}$', 'Give the hash that iu deliver plan printed.'
    );
    select p.* into v_plan from public.iu_delivery_plan as p
    where p.plan_hash = decode(fn_iu_delivery_plan_require.plan_hash, 'hex')
    order by p.plan_no desc limit 1;
    if v_plan.plan_no is null then
        raise exception 'no plan has the hash %', plan_hash using
            errcode = 'IU206', hint = 'Make a plan with iu deliver plan, and give the hash that it prints.';
    elsif v_plan.kind <> all (kinds) then
        raise exception 'plan % is of kind %, not %', plan_hash, v_plan.kind,
            array_to_string(kinds, ' or ') using
            errcode = 'IU104',
            hint = 'A sender executes a drain by fn_iu_delivery_claim_plan, and an administrator the other '
                'kinds by fn_iu_delivery_plan_execute.';
    end if;
    return v_plan;
end
$$;
comment on function public.fn_iu_delivery_plan_require(text, text[]) is
'The newest plan with a hash (64 hexadecimal digits). Raises IU104 for a malformed hash or another kind of
plan, IU206 if there is none.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_plan_require(text, text[])', 'internal'
);
