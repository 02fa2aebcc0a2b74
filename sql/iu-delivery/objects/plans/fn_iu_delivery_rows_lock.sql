-- enable_seqscan and enable_bitmapscan off: deliveries are locked by their places, whatever the statistics
-- say (decision 011).
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
    v_places constant tid [] := public.fn_iu_delivery_places(
        array_fill(route_no, array[cardinality(event_seqs)]), event_seqs
    );
begin
    -- In the order of fn_iu_delivery_record. A late outcome may settle a dead letter while its lock is waited
    -- for; it is left out then.
    return array(
        select d from public.iu_delivery as d where d.ctid = any (v_places) order by d.event_seq for update
    );
end
$$;
comment on function public.fn_iu_delivery_rows_lock(int, bigint[]) is
'The deliveries of a route with these event_seq that are in the queue, locked until the end of the
transaction. The caller holds the lock of the cursor of the route.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_rows_lock(int, bigint[])', 'internal'
);
