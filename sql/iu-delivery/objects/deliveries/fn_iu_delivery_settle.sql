-- enable_seqscan and enable_bitmapscan off: the deliveries are changed by their places, whatever the
-- statistics say (decisions 011 and 073).
create or replace function public.fn_iu_delivery_settle(
    given public.iu_delivery_target, reports public.iu_delivery_report[]
)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
    v_places tid [];
    v_dead public.iu_delivery [];
    v_reasons text [];
begin
    -- A late outcome of a claim whose delivery became a dead letter meanwhile: sent settles it, any other
    -- outcome leaves it.
    select public.fn_iu_delivery_places(array_agg(r.route_no), array_agg(r.event_seq)) into v_places
    from unnest(reports) as r where r.is_current and r.decision = 'sent';
    delete from public.iu_delivery as d where d.ctid = any (v_places);
    perform public.fn_iu_delivery_heads_advance(array_agg(r.route_no), array_agg(r.subject))
    from unnest(reports) as r where r.is_current and r.decision = 'sent';
    select public.fn_iu_delivery_places(array_agg(r.route_no), array_agg(r.event_seq)) into v_places
    from unnest(reports) as r where r.is_current and r.decision <> 'sent';
    if cardinality(v_places) = 0 then
        return;
    end if;
    with returned as (
        update public.iu_delivery as d
        set claim_id = null, failures = d.failures + (not r.local_fault)::int,
            due_at = clock_timestamp() + make_interval(secs => greatest(
                least(coalesce(r.retry_after_seconds, 0), 86400),
                given.retry_seconds[case
                    when r.local_fault then 1 else least(d.failures + 1, cardinality(given.retry_seconds))
                end]
                * (0.8 + 0.4 * random())
            ))
        from unnest(reports) as r
        where d.ctid = any (v_places) and d.dead_at is null and (d.claim_id + 0) = r.claim_id
        returning d as delivery, r.decision, r.status_code, r.error_detail
    )

    select
        array_agg(u.delivery order by (u.delivery).route_no, (u.delivery).event_seq),
        array_agg(
            coalesce(u.error_detail, 'status ' || u.status_code, u.decision)
            order by (u.delivery).route_no, (u.delivery).event_seq
        )
    into v_dead, v_reasons from returned as u
    where u.decision = 'failed' or (u.delivery).failures > cardinality(given.retry_seconds);
    if v_dead is not null then
        perform public.fn_iu_delivery_bury(given, v_dead, v_reasons);
    end if;
end
$$;
comment on function public.fn_iu_delivery_settle(public.iu_delivery_target, public.iu_delivery_report[]) is
'Changes the queue by outcomes that are current, whose deliveries the caller has locked: sent removes the
delivery, retry makes it due again by the policy of the target and Retry-After (at most a day), failed and the
failure after the last retry make a dead letter. A fault of the sender counts no failure: the delivery is due
again after the first interval.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_settle(public.iu_delivery_target, public.iu_delivery_report[])', 'internal'
);
