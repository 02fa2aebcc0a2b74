create or replace function public.fn_iu_delivery_target_allow_private(
    target_name text, allowed boolean, reason text
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_target public.iu_delivery_target;
begin
    perform public.fn_iu_login_require('iu_approver', 'IU204');
    perform public.fn_iu_argument_require('reason', reason, 2000);
    perform public.fn_iu_argument_require('allowed', allowed::text, 5);
    v_target := public.fn_iu_target_require(target_name);
    perform set_config('iu.config_reason', reason, true);
    update public.iu_delivery_target as t set allow_private = allowed
    where t.target_no = v_target.target_no returning t.* into v_target;
    perform set_config('iu.config_reason', '', true);
    return jsonb_build_object(
        'status', 'set', 'target_name', target_name, 'allow_private', v_target.allow_private,
        'target_version', v_target.target_version
    );
end
$$;
comment on function public.fn_iu_delivery_target_allow_private(text, boolean, text) is
'Sets whether the address of a target may be loopback, private or link-local. A change makes a new version of
the target, so promotions to it end. Returns {"status": "set", "target_name", "allow_private",
"target_version"}. Raises IU204 for a login that is not an approver, IU104, IU603.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_target_allow_private(text, boolean, text)', 'approve'
);
