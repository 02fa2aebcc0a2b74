create or replace function public.fn_iu_target_state_lock(target_no int)
returns public.iu_delivery_target_state
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_state public.iu_delivery_target_state;
begin
    select s.* into strict v_state from public.iu_delivery_target_state as s
    where s.target_no = fn_iu_target_state_lock.target_no for no key update;
    return v_state;
end
$$;
comment on function public.fn_iu_target_state_lock(int) is
'Locks the state of a target until the end of the transaction and returns it. Claims, outcomes, decisions,
promotions and demotions of the target take this lock after those of the cursor and of the queue, and before
that of iu_delivery_route.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_target_state_lock(int)', 'internal'
);
