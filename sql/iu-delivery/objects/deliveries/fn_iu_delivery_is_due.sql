-- enable_seqscan, enable_bitmapscan and enable_sort off: each route is one probe of the index of due heads
-- (decision 011).
create or replace function public.fn_iu_delivery_is_due(target_no int)
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
#variable_conflict use_variable
declare
    v_listed constant text [] := string_to_array((
        select c.value from public.dot_config as c where c.key = public.fn_iu_gate_key('live_routes')
    ), ',');
    v_deployment constant text := public.fn_iu_deployment();
begin
    return (
        select true from public.iu_delivery_route as r
        left join lateral (
            select b.started_at from public.iu_delivery_batch as b
            where b.route_no = r.route_no and b.batch_id > r.due_batch_id order by b.batch_id limit 1
        ) as unseen on true
        cross join lateral (
            select from public.iu_delivery as d
            where (d.route_no * 1) = r.route_no and d.is_head and d.dead_at is null
                and d.due_at <= clock_timestamp()
                and d.due_at >= public.fn_iu_delivery_due_from(r, unseen.started_at)
            order by d.due_at limit 1
        ) as due
        where r.target_no = fn_iu_delivery_is_due.target_no and r.held_reason is null
            and r.route_code = any (v_listed)
            and (
                select p.deployment from public.iu_route_promotion as p where p.promotion_no = r.promotion_no
            ) = v_deployment
        limit 1
    ) is not null;
end
$$;
comment on function public.fn_iu_delivery_is_due(int) is
'Whether a listed route of the target that is not held, and that is promoted for the deployment of the
session, has a due head. Read-only; locks nothing, so that a call of fn_iu_delivery_claim with nothing to do
writes nothing, and a sender of another deployment leases no shard.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_is_due(int)', 'internal'
);
