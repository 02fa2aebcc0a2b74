-- enable_seqscan and enable_bitmapscan off: entries are read by their number (decision 011).
create or replace function public.fn_iu_delivery_plan_execute(plan_hash text, batch_limit int)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    v_plan constant public.iu_delivery_plan := public.fn_iu_delivery_plan_require(
        plan_hash, array['replay', 'discard']
    );
    v_state public.iu_delivery_plan_state;
    v_route_no int;
    v_seqs bigint [];
    v_done int;
    v_status text := 'busy';
begin
    perform public.fn_iu_delivery_limit_require(batch_limit, 10000);
    perform public.fn_iu_delivery_isolation_require();
    select s.* into v_state from public.iu_delivery_plan_state as s
    where s.plan_no = v_plan.plan_no for update skip locked;
    v_route_no := (
        select e.route_no from public.iu_delivery_plan_entry as e
        where e.plan_no = v_plan.plan_no and e.entry_no = v_state.next_no
    );
    if (
        case when v_route_no is not null
            then (public.fn_iu_cursor_lock('live:' || v_route_no)).worker_name is not null end
    ) then
        -- Of one route, because the locks of another would come too late in the order of locks.
        v_seqs := array(
            select e.event_seq from public.iu_delivery_plan_entry as e
            where e.plan_no = v_plan.plan_no and e.route_no = v_route_no
                and e.entry_no between v_state.next_no and v_state.next_no + batch_limit - 1
            order by e.entry_no
        );
        v_done := public.fn_iu_delivery_plan_apply(v_plan, v_route_no, v_seqs);
        update public.iu_delivery_plan_state as s
        set next_no = s.next_no + cardinality(v_seqs), done = s.done + v_done,
            changed = s.changed + cardinality(v_seqs) - v_done
        where s.plan_no = v_plan.plan_no
        returning s.* into v_state;
        v_status := 'running';
    elsif v_state.plan_no is null then
        select s.* into v_state from public.iu_delivery_plan_state as s where s.plan_no = v_plan.plan_no;
    end if;
    return jsonb_build_object(
        'status', case when v_state.next_no > v_plan.entries then 'done' else v_status end,
        'plan_hash', plan_hash, 'entries', v_plan.entries, 'done', v_state.done,
        'changed', v_state.changed, 'left', v_plan.entries - v_state.next_no + 1
    );
end
$$;
comment on function public.fn_iu_delivery_plan_execute(text, int) is
'Carries out the next part of a plan of kind replay or discard: at most batch_limit (1 to 10,000) entries, all
of one route, in the order of their subjects, each at most once and with a decision that has the reason of the
plan. Call it until status is done. Returns {"status" (running, done, or busy if another transaction executes
the plan or writes the queue of the route), "plan_hash", "entries", "done", "changed" (no longer dead letters,
so nothing was done), "left"}. Raises IU104, IU206 if there is no plan with this hash, IU301, IU303. Sends
nothing.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_plan_execute(text, int)', 'operate'
);
