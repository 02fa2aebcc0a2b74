-- enable_seqscan and enable_bitmapscan off: each route is one range of the index of due heads (decision 011).
create or replace function public.fn_iu_target_in_flight(
    target_no int, out in_flight bigint, out until timestamptz
)
language sql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
    select coalesce(sum(c.claims), 0)::bigint, max(c.due_at)
    from public.iu_delivery_route as r
    cross join lateral (
        select count(*) as claims, max(d.due_at) as due_at from public.iu_delivery as d
        where (d.route_no * 1) = r.route_no and d.is_head and d.dead_at is null
            and d.due_at > clock_timestamp() and d.claim_id is not null
    ) as c
    where r.target_no = fn_iu_target_in_flight.target_no
$$;
comment on function public.fn_iu_target_in_flight(int) is
'How many deliveries of a target are claimed with a valid lease, and when the last of these leases ends; null
without one. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_target_in_flight(int)', 'internal'
);
