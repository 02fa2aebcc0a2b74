-- enable_seqscan, enable_bitmapscan and enable_sort off: each route is one probe of the index of due heads
-- (decision 011).
create or replace function public.fn_iu_delivery_routes_due(
    given public.iu_delivery_target, shards smallint[], now_at timestamptz
)
returns int[]
language plpgsql volatile
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
    v_due int [] := '{}'::int [];
    v_row record;
    v_reason text;
begin
    for v_row in
        select r as route, due.due_at from public.iu_delivery_route as r
        cross join lateral (
            select d.due_at from public.iu_delivery as d
            where d.route_no = r.route_no and d.is_head and d.dead_at is null and d.due_at <= now_at
                and d.due_at >= public.fn_iu_delivery_due_from(r)
            order by d.due_at limit 1
        ) as due
        cross join lateral (
            select from public.iu_delivery as d
            where d.route_no = r.route_no and d.is_head and d.dead_at is null and d.due_at <= now_at
                and d.due_at >= due.due_at and (cardinality(shards) = 64 or d.shard = any (shards))
            order by d.due_at limit 1
        ) as own
        where r.target_no = given.target_no and r.held_reason is null and r.route_code = any (v_listed)
        order by r.route_no
    loop
        v_reason := public.fn_iu_promotion_refusal(v_row.route, v_deployment);
        if v_reason is null then
            v_due := v_due || (v_row.route).route_no;
            -- Unless fn_iu_delivery_enqueue has lowered it meanwhile.
            update public.iu_delivery_route as r
            set due_from = v_row.due_at, due_checked_at = case
                    when public.fn_iu_delivery_due_from(v_row.route) = '-infinity' then now_at
                    else r.due_checked_at
                end
            where r.route_no = (v_row.route).route_no and r.due_from = (v_row.route).due_from
                and r.due_from < v_row.due_at;
        elsif v_reason <> 'other_deployment' then
            perform public.fn_iu_delivery_route_hold((v_row.route).route_no, v_reason);
        end if;
    end loop;
    return v_due;
end
$$;
comment on function public.fn_iu_delivery_routes_due(public.iu_delivery_target, smallint[], timestamptz) is
'The numbers of the routes of a target that are listed, whose promotion is valid, and that have a due head in
one of the shards. A route whose promotion is no longer valid is held from then on. The caller holds the lock
of the state of the target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_routes_due(public.iu_delivery_target, smallint[], timestamptz)', 'internal'
);
