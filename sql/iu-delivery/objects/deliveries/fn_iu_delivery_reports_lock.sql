-- enable_seqscan off: each delivery is one probe of its primary key (decision 011).
create or replace function public.fn_iu_delivery_reports_lock(reports public.iu_delivery_report[])
returns public.iu_delivery[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
    -- for update, not for no key update: fn_iu_delivery_heads_hold takes key share. In the order of its locks.
    return array(
        select d from unnest(reports) as r
        inner join public.iu_delivery as d on d.route_no = r.route_no and d.event_seq = r.event_seq
        where d.claim_id = r.claim_id and d.claims = r.fence and not r.is_known
        order by d.route_no, d.event_seq for update of d
    );
end
$$;
comment on function public.fn_iu_delivery_reports_lock(public.iu_delivery_report[]) is
'Locks the deliveries that outcomes are about until the end of the transaction, where the claim is still the
newest one, and returns them.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_reports_lock(public.iu_delivery_report[])', 'internal'
);
