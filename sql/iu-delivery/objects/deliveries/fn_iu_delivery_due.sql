-- enable_seqscan, enable_bitmapscan and enable_sort off: due heads are read by their index, oldest first,
-- and then by their place (decision 011).
create or replace function public.fn_iu_delivery_due(
    routes int[], shards smallint[], batch_limit int, now_at timestamptz
)
returns setof public.iu_delivery
language plpgsql volatile rows 200
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
#variable_conflict use_variable
declare
    -- Of many routes each gives a part of the batch, so that the cost depends on the batch.
    v_each constant int := case cardinality(routes) when 1 then batch_limit
        else ceil(2.0 * batch_limit / cardinality(routes)) end;
    v_all constant boolean := cardinality(shards) = 64;
    v_places tid [];
begin
    v_places := array(
        select q.place from public.iu_delivery_route as r
        cross join lateral (
            select h.ctid as place, h.due_at, h.subject_no from public.iu_delivery as h
            where (h.route_no * 1) = r.route_no and h.is_head and h.dead_at is null
                and h.due_at >= r.due_from and h.due_at <= now_at
                and (v_all or h.shard = any (shards))
                and h.shard between shards[1] and shards[cardinality(shards)]  -- tested in the index
            order by h.due_at limit v_each
        ) as q
        where r.route_no = any (routes)
        order by q.due_at, q.subject_no limit batch_limit
    );
    -- By place: the condition of the index of due heads must not choose the plan. A row that was changed
    -- since has another place and is left out.
    return query select d.* from public.iu_delivery as d
    where d.ctid = any (v_places) for no key update skip locked;
end
$$;
comment on function public.fn_iu_delivery_due(int[], smallint[], int, timestamptz) is
'Due heads of routes in shards from due_from of the routes on, which fn_iu_delivery_routes_admit has moved,
the oldest first, at most batch_limit, locked until the end of the transaction. Heads that another transaction
has locked are skipped.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_due(int[], smallint[], int, timestamptz)', 'internal'
);
