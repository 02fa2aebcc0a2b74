-- enable_seqscan, enable_hashjoin and enable_mergejoin off: each subject is a few probes of indexes, until
-- one has a due head (decision 011).
create or replace function public.fn_iu_delivery_plan_has_due(plan_hash text, or_in_flight boolean)
returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_variable
declare
    v_plan constant public.iu_delivery_plan := public.fn_iu_delivery_plan_require(plan_hash, array['drain']);
    v_target public.iu_delivery_target;
begin
    select t.* into v_target from public.iu_delivery_target as t where t.target_no = v_plan.target_no;
    perform public.fn_iu_target_sender_require(v_target);
    return exists (
        select from public.iu_delivery_plan_subject as s
        cross join lateral (
            select h.event_seq, h.dead_at, h.due_at, h.claim_id from public.iu_delivery as h
            where (h.route_no + 0) = s.route_no and h.subject = s.subject and h.is_head
        ) as d
        inner join public.iu_delivery_plan_entry as e
            on e.plan_no = s.plan_no and e.route_no = s.route_no and e.event_seq = d.event_seq
        where s.plan_no = v_plan.plan_no and d.dead_at is null
            and (d.due_at <= clock_timestamp() or (or_in_flight and d.claim_id is not null))
    );
end
$$;
comment on function public.fn_iu_delivery_plan_has_due(text, boolean) is
'Whether a delivery that a drain names is due: one that the next claim of the plan may get, or that the rate,
the breaker or the shard of another sender holds back; with or_in_flight also one that a sender has claimed.
Raises IU104, IU201 for a login that may not deliver to the target, IU206. Reads the subjects that are left
until one has such a head. Read-only; locks nothing.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_plan_has_due(text, boolean)', 'deliver'
);
