create or replace function public.fn_iu_delivery_sent_tally()
returns table (sent bigint, unpromoted bigint)
language sql stable rows 1
set search_path = pg_catalog, pg_temp
as $$
    select coalesce((select sum(r.sent) from public.iu_delivery_route as r), 0)::bigint, (
        select count(*) from (
            select max(c.claim_id) as claim_id from public.iu_delivery_claim as c
        ) as n
        cross join lateral public.fn_iu_delivery_unpromoted(n.claim_id - 1999, n.claim_id) as u
    )
$$;
comment on function public.fn_iu_delivery_sent_tally() is
'What the module sent: outcomes sent, ever, by the tally of each route; unpromoted are those of the newest
2,000 claims that no valid promotion covers. All claims are checked by fn_iu_delivery_chain_verify. The core
asks it for health (decision 070). Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_sent_tally()', 'explain'
);
