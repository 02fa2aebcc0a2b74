-- enable_seqscan off: due heads are read by their index, oldest first (decision 011).
create or replace function public.fn_iu_delivery_due(
    routes int[], shards smallint[], batch_limit int, now_at timestamptz
)
returns setof public.iu_delivery
language plpgsql volatile rows 200
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    -- Of many routes each gives a part of the batch, so that the cost depends on the batch.
    v_each constant int := ceil(2.0 * batch_limit / greatest(1, cardinality(routes)));
begin
    return query
    select d.* from public.iu_delivery as d
    inner join (
        select q.route_no, q.event_seq from unnest(routes) as r (route_no)
        cross join lateral (
            select h.route_no, h.event_seq, h.due_at, h.subject_no from public.iu_delivery as h
            where h.route_no = r.route_no and h.is_head and h.dead_at is null
                and h.due_at <= now_at and h.shard = any (shards)
            order by h.due_at limit case cardinality(routes) when 1 then batch_limit else v_each end
        ) as q
        order by q.due_at, q.subject_no limit batch_limit
    ) as c on c.route_no = d.route_no and c.event_seq = d.event_seq
    where d.is_head and d.dead_at is null and d.due_at <= now_at
    for no key update of d skip locked;
end
$$;
comment on function public.fn_iu_delivery_due(int[], smallint[], int, timestamptz) is
'Due heads of routes in shards, the oldest first, at most batch_limit, locked until the end of the transaction.
Heads that another transaction has locked are skipped.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_due(int[], smallint[], int, timestamptz)', 'internal'
);
