create or replace function public.fn_iu_promotion_queue(
    route_no int, out deliveries bigint, out plan_hash bytea, out in_flight bigint, out until timestamptz
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select count(*), sha256(coalesce(string_agg(int8send(d.event_seq), '' order by d.event_seq), '')),
        count(*) filter (where c.is_valid), max(d.due_at) filter (where c.is_valid)
    from public.iu_delivery as d
    cross join lateral (
        select d.claim_id is not null and d.dead_at is null and d.due_at > clock_timestamp() as is_valid
    ) as c
    where d.route_no = fn_iu_promotion_queue.route_no
$$;
comment on function public.fn_iu_promotion_queue(int) is
'The queue of a route: the number of its deliveries, dead letters included, the sha256 of their event_seq in
order, 8 bytes each, and how many are claimed, and until when at most. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_queue(int)', 'internal'
);
