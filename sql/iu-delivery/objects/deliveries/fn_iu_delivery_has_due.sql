create or replace function public.fn_iu_delivery_has_due(target text)
returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
    v_target constant public.iu_delivery_target := public.fn_iu_target_require(target);
begin
    perform public.fn_iu_target_sender_require(v_target);
    return public.fn_iu_delivery_is_due(v_target.target_no);
end
$$;
comment on function public.fn_iu_delivery_has_due(text) is
'Whether a listed route of the target that is not held, and that is promoted for the deployment of the
session, has a due head: one that the next claim may get, or that is in a shard of another sender. Raises
IU201 for a login that may not deliver to the target, IU104, IU603. Read-only; locks nothing.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_has_due(text)', 'deliver'
);
