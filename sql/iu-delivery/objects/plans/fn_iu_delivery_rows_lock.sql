-- enable_seqscan and enable_bitmapscan off: deliveries and heads are found by their indexes and locked by
-- their places, whatever the statistics say (decision 011).
create or replace function public.fn_iu_delivery_rows_lock(route_no int, event_seqs bigint[])
returns public.iu_delivery[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    v_places tid [];
    v_rows public.iu_delivery [];
begin
    -- As fn_iu_delivery_heads_hold: in the order of fn_iu_delivery_record, and all again if one of them
    -- changed while its lock was waited for. A head that is locked as it was seen is still the head.
    loop
        with asked as materialized (
            select d.place, d.subject from unnest(event_seqs) as s (seq)
            cross join lateral (
                select q.ctid as place, q.subject from public.iu_delivery as q
                where q.route_no = fn_iu_delivery_rows_lock.route_no and q.event_seq = s.seq limit 1
            ) as d
        )

        select array_agg(p.place) into v_places from (
            select a.place from asked as a
            union
            select h.place from (select distinct a.subject from asked as a) as s
            cross join lateral (
                select q.ctid as place from public.iu_delivery as q
                where (q.route_no + 0) = fn_iu_delivery_rows_lock.route_no and q.subject = s.subject
                    and q.is_head
                limit 1
            ) as h
        ) as p;
        begin
            v_rows := array(
                select d from public.iu_delivery as d
                where d.ctid = any (v_places) order by d.event_seq for update
            );
            exit when cardinality(v_rows) = coalesce(cardinality(v_places), 0);
            raise exception using errcode = 'serialization_failure';
        exception
            when serialization_failure then
                null;
        end;
    end loop;
    return array(select d from unnest(v_rows) as d where d.event_seq = any (event_seqs));
end
$$;
comment on function public.fn_iu_delivery_rows_lock(int, bigint[]) is
'The deliveries of a route with these event_seq that are in the queue, locked until the end of the transaction
with the heads of their subjects. The caller holds the lock of the cursor of the route. Waits for transactions
that settle one of them.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_rows_lock(int, bigint[])', 'internal'
);
