-- enable_seqscan, enable_hashjoin and enable_mergejoin off: each entry is a few probes of indexes, whatever
-- the statistics say (decision 011).
create or replace function public.fn_iu_delivery_plan_progress(plan_hash text)
returns jsonb
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
    v_plan constant public.iu_delivery_plan := public.fn_iu_delivery_plan_require(
        plan_hash, array['replay', 'discard', 'drain']
    );
    v_counts record;
begin
    if v_plan.kind = 'drain' then
        select count(*) filter (where q.state = 'open') as open,
            count(*) filter (where q.state = 'open' and q.is_head and q.due_at <= clock_timestamp()) as due,
            count(*) filter (where q.state = 'settled') as settled,
            count(*) filter (where q.state = 'in_flight') as in_flight,
            count(*) filter (where q.state = 'waiting') as waiting,
            count(*) filter (where q.state = 'dead') as dead
        into v_counts
        from (
            select case
                when d.event_seq is null then 'settled'
                when d.dead_at is not null then 'dead'
                when d.claim_id is not null and d.due_at > clock_timestamp() then 'in_flight'
                when d.is_head then 'open'
                when exists (
                    select from public.iu_delivery as h
                    inner join public.iu_delivery_plan_entry as n
                        on n.plan_no = v_plan.plan_no and n.route_no = h.route_no
                        and n.event_seq = h.event_seq
                    where (h.route_no + 0) = d.route_no and h.subject = d.subject and h.is_head
                        and coalesce(h.dead_at, 'infinity') = 'infinity'
                ) then 'open'
                else 'waiting'
            end as state, d.is_head, d.due_at
            from public.iu_delivery_plan_entry as e
            left join public.iu_delivery as d on d.route_no = e.route_no and d.event_seq = e.event_seq
            where e.plan_no = v_plan.plan_no
        ) as q;
    else
        -- The types of the other branch.
        select v_plan.entries - s.next_no + 1::bigint as open, s.next_no - 1::bigint as settled,
            0::bigint as in_flight, 0::bigint as waiting, 0::bigint as dead, 0::bigint as due
        into strict v_counts from public.iu_delivery_plan_state as s where s.plan_no = v_plan.plan_no;
    end if;
    return jsonb_build_object(
        'plan_hash', plan_hash, 'kind', v_plan.kind, 'entries', v_plan.entries, 'open', v_counts.open,
        'settled', v_counts.settled, 'in_flight', v_counts.in_flight, 'waiting', v_counts.waiting,
        'dead', v_counts.dead, 'due', v_counts.due, 'reason', v_plan.reason,
        'created_at', v_plan.created_at, 'created_by', v_plan.created_by, 'target', (
            select t.target_name from public.iu_delivery_target as t where t.target_no = v_plan.target_no
        )
    );
end
$$;
comment on function public.fn_iu_delivery_plan_progress(text) is
'How far a plan is executed: {"plan_hash", "kind", "entries", "open", "settled", "in_flight", "waiting",
"dead", "due", "reason", "created_at", "created_by", "target"}; target is that of a drain; the five counts
after entries are entries together. Of a drain: open can be claimed, due of them now, the others later or
after another entry of their subject; waiting stands behind a delivery that the plan does not name, or behind
a dead letter; dead became a dead letter; settled was sent or discarded. Of the other kinds: settled is
executed, open is not. Raises IU104, IU206. Reads every entry of a drain. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_plan_progress(text)', 'explain'
);
