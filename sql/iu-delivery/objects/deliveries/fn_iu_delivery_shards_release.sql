create or replace function public.fn_iu_delivery_shards_release(target text, sender text)
returns int
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_target public.iu_delivery_target;
    v_released int;
begin
    perform public.fn_iu_argument_require('sender', sender, 100);
    perform public.fn_iu_delivery_isolation_require();
    v_target := public.fn_iu_target_require(target);
    perform public.fn_iu_target_sender_require(v_target);
    -- Only a claim of the sender gives it a shard, so without the lock too there is none to give back.
    if not exists (
        select from public.iu_delivery_shard as s
        where s.target_no = v_target.target_no and s.owner = sender
    ) then
        return 0;
    end if;
    perform public.fn_iu_target_state_lock(v_target.target_no);
    update public.iu_delivery_shard as s
    set owner = null, lease_until = null, epoch = s.epoch + 1
    where s.target_no = v_target.target_no and s.owner = sender;
    get diagnostics v_released = row_count;
    return v_released;
end
$$;
comment on function public.fn_iu_delivery_shards_release(text, text) is
'Gives back the shards of a target that a sender leases, so that another one gets them at once and not when
the leases have passed. A sender calls it when it ends. Returns their number. Its claims are not concerned.
Raises IU104, IU201 for a login that may not deliver to the target, IU303, IU603. Locks the state of the
target, unless the sender leases none.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_shards_release(text, text)', 'deliver'
);
