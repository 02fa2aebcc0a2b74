create or replace function public.fn_iu_target_require(target_name text)
returns public.iu_delivery_target
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_target public.iu_delivery_target;
begin
    perform public.fn_iu_argument_require('target', target_name, 100);
    select t.* into v_target from public.iu_delivery_target as t
    where t.target_name = fn_iu_target_require.target_name;
    if v_target.target_no is null then
        raise exception 'unknown target %', quote_literal(target_name) using
            errcode = 'IU603', hint = 'List the targets with: iu target list';
    end if;
    return v_target;
end
$$;
comment on function public.fn_iu_target_require(text) is
'The target of a name. Raises IU104 for a malformed name, IU603 for an unknown one.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_target_require(text)', 'internal'
);
