create or replace function public.fn_iu_delivery_settle(
    given public.iu_delivery_target, reports public.iu_delivery_report[]
)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
    v_dead public.iu_delivery [];
    v_reasons text [];
begin
    -- A late outcome of a claim whose delivery became a dead letter meanwhile: sent settles it, another
    -- outcome leaves it.
    delete from public.iu_delivery as d using unnest(reports) as r
    where d.route_no = r.route_no and d.event_seq = r.event_seq and r.is_current and r.decision = 'sent';
    perform public.fn_iu_delivery_heads_advance(array_agg(r.route_no), array_agg(r.subject))
    from unnest(reports) as r where r.is_current and r.decision = 'sent';
    update public.iu_delivery as d
    set claim_id = null,
        failures = d.failures + (not r.local_fault)::int,
        due_at = clock_timestamp() + make_interval(secs => greatest(
            least(coalesce(r.retry_after_seconds, 0), 86400),
            given.retry_seconds[least(d.failures + 1, cardinality(given.retry_seconds))]
            * (0.8 + 0.4 * random())
        ))
    from unnest(reports) as r
    where d.route_no = r.route_no and d.event_seq = r.event_seq and r.is_current
        and r.decision <> 'sent' and d.dead_at is null;
    select array_agg(d), array_agg(
        coalesce(r.error_detail, 'status ' || r.status_code, r.decision) order by r.route_no, r.event_seq
    )
    into v_dead, v_reasons
    from (
        select r.* from unnest(reports) as r
        where r.is_current and r.decision <> 'sent' order by r.route_no, r.event_seq
    ) as r
    inner join public.iu_delivery as d on d.route_no = r.route_no and d.event_seq = r.event_seq
    where d.dead_at is null
        and (r.decision = 'failed' or d.failures > cardinality(given.retry_seconds));
    if v_dead is not null then
        perform public.fn_iu_delivery_bury(given, v_dead, v_reasons);
    end if;
end
$$;
comment on function public.fn_iu_delivery_settle(public.iu_delivery_target, public.iu_delivery_report[]) is
'Changes the queue by outcomes that are current, whose deliveries the caller has locked: sent removes the
delivery, retry makes it due again by the policy of the target and Retry-After (at most a day), failed and the
failure after the last retry make a dead letter. A fault of the sender counts no failure.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_settle(public.iu_delivery_target, public.iu_delivery_report[])', 'internal'
);
