-- enable_seqscan and enable_bitmapscan off: each delivery is one probe of its primary key (decision 011).
create or replace function public.fn_iu_delivery_places(route_nos int[], event_seqs bigint[])
returns tid[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
begin
    return array(
        select p.place from unnest(route_nos, event_seqs) as a (route_no, event_seq)
        cross join lateral (
            select d.ctid as place from public.iu_delivery as d
            where d.route_no = a.route_no and d.event_seq = a.event_seq limit 1
        ) as p
    );
end
$$;
comment on function public.fn_iu_delivery_places(int[], bigint[]) is
'The places (ctid) of deliveries that the caller has locked. A statement that changes them by their places has
one possible plan; one that joins them by key may read the whole queue if the statistics are of an empty
table.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_places(int[], bigint[])', 'internal'
);
