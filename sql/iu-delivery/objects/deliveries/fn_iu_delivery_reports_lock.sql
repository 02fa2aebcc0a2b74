-- enable_seqscan and enable_bitmapscan off: each delivery is one probe of its primary key (decision 011).
create or replace function public.fn_iu_delivery_reports_lock(reports public.iu_delivery_report[])
returns public.iu_delivery[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
begin
    -- The lock is for update, not for no key update: fn_iu_delivery_heads_hold takes key share. The order of
    -- reports is that of its locks.
    return array(
        select l.delivery from unnest(reports) as r
        cross join lateral (
            select d as delivery from public.iu_delivery as d
            where d.route_no = r.route_no and d.event_seq = r.event_seq and d.claim_id = r.claim_id
                and d.claims = r.fence
            limit 1 for update
        ) as l
        where not r.is_known
    );
end
$$;
comment on function public.fn_iu_delivery_reports_lock(public.iu_delivery_report[]) is
'Locks the deliveries that outcomes are about until the end of the transaction, where the claim is still the
newest one, and returns them.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_reports_lock(public.iu_delivery_report[])', 'internal'
);
