-- enable_seqscan, enable_bitmapscan and enable_sort off: each route is one probe of the index of due heads
-- (decision 011).
create or replace function public.fn_iu_delivery_routes_due(
    given public.iu_delivery_target, shards smallint[], batch_limit int, now_at timestamptz
)
returns table (route_no int, due_at timestamptz, batch_id bigint, is_new boolean, refusal text)
language plpgsql stable rows 10
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    v_listed constant text [] := string_to_array((
        select c.value from public.dot_config as c where c.key = public.fn_iu_gate_key('live_routes')
    ), ',');
    v_cluster constant text := public.fn_iu_promotion_anchor();
    v_last constant int := (
        select s.last_route_no from public.iu_delivery_target_state as s where s.target_no = given.target_no
    );
begin
    return query with due as materialized (
        select l.r as route, first.due_at, l.due_from
        from (
            select r, r.route_no, public.fn_iu_delivery_due_from(r, unseen.started_at) as due_from
            from public.iu_delivery_route as r
            left join lateral (
                select b.started_at from public.iu_delivery_batch as b
                where b.route_no = r.route_no and b.batch_id > r.due_batch_id order by b.batch_id limit 1
            ) as unseen on true
            where r.target_no = given.target_no and r.held_reason is null and r.route_code = any (v_listed)
                and (
                    select p.deployment from public.iu_route_promotion as p
                    where p.promotion_no = r.promotion_no
                ) = public.fn_iu_deployment()
            order by r.route_no <= v_last, r.route_no
        ) as l
        cross join lateral (
            select d.due_at from public.iu_delivery as d
            where (d.route_no * 1) = l.route_no and d.is_head and d.dead_at is null
                and d.due_at between l.due_from and now_at
            order by d.due_at limit 1
        ) as first
        cross join lateral (
            select from public.iu_delivery as d
            where (d.route_no * 1) = l.route_no and d.is_head and d.dead_at is null
                and d.due_at between first.due_at and now_at
                and (cardinality(shards) = 64 or d.shard = any (shards))
                and d.shard between shards[1] and shards[cardinality(shards)]  -- tested in the index
            order by d.due_at limit 1
        ) as own
        limit batch_limit
    ),

    kind as materialized (
        select k.event_type, public.fn_iu_promotion_configuration(k.event_type) as configuration
        from (select distinct (d.route).event_type from due as d) as k
    )

    select (d.route).route_no, d.due_at, last.batch_id, d.due_from = 'epoch',
        public.fn_iu_promotion_misfit(d.route, p, r.route_version, given.target_version, k.configuration,
            v_cluster, public.fn_iu_deployment(), now_at)
    from due as d
    inner join kind as k on k.event_type = (d.route).event_type
    left join lateral (
        select b.batch_id from public.iu_delivery_batch as b
        where b.route_no = (d.route).route_no order by b.batch_id desc limit 1
    ) as last on true
    left join public.iu_route_promotion as p on p.promotion_no = (d.route).promotion_no
    left join public.iu_outbound_route as r on r.route_no = (d.route).route_no and r.enabled;
end
$$;
comment on function public.fn_iu_delivery_routes_due(
    public.iu_delivery_target, smallint[], int, timestamptz
) is
'The routes of a target that are listed, not held, promoted for the deployment of the session, and have a due
head in one of the shards, at most batch_limit of them, beginning after last_route_no of the target and going
round. due_at is that of the oldest head in any shard; is_new: all heads were looked at, not only those from
due_from on; batch_id is the newest batch of the route; refusal: fn_iu_promotion_misfit. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_routes_due(public.iu_delivery_target, smallint[], int, timestamptz)', 'internal'
);
