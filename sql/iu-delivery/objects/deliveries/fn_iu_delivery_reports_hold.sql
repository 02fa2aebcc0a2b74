create or replace function public.fn_iu_delivery_reports_hold(reports public.iu_delivery_report[])
returns public.iu_delivery_report[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_held constant public.iu_delivery [] := public.fn_iu_delivery_reports_lock(reports);
begin
    return array(
        select row(
            r.claim_id, r.fence, r.decision, r.status_code, r.latency_ms, r.retry_after_seconds,
            r.response_hash, r.error_detail, r.local_fault, r.route_no, r.event_seq, r.subject,
            r.promotion_no, r.is_known, h.claim_id is not null
        )::public.iu_delivery_report
        from unnest(reports) as r left join unnest(v_held) as h on h.claim_id = r.claim_id
        order by r.route_no, r.event_seq
    );
end
$$;
comment on function public.fn_iu_delivery_reports_hold(public.iu_delivery_report[]) is
'Locks the deliveries that the outcomes settle until the end of the transaction, and returns the outcomes with
is_current set: true if the claim is still the newest of a delivery that is not settled.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_reports_hold(public.iu_delivery_report[])', 'internal'
);
