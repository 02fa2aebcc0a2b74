create or replace function public.fn_iu_delivery_target_refusal(target_name text)
returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_target public.iu_delivery_target;
    v_state public.iu_delivery_target_state;
begin
    v_target := public.fn_iu_target_require(target_name);
    perform public.fn_iu_target_sender_require(v_target);
    select s.* into strict v_state from public.iu_delivery_target_state as s
    where s.target_no = v_target.target_no;
    return public.fn_iu_target_refusal(v_target, public.fn_iu_target_state_now(v_target, v_state));
end
$$;
comment on function public.fn_iu_delivery_target_refusal(text) is
'Why nothing is claimed for a target now, whatever its routes: a word of fn_iu_target_refusal, or null. A
sender asks it before it sends a test. Raises IU104, IU603, and IU201 for a login that may not deliver to the
target. Writes nothing.';

select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_target_refusal(text)', 'deliver'
);
