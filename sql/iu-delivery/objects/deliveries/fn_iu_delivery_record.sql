create or replace function public.fn_iu_delivery_record(outcomes jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
    v_reports public.iu_delivery_report [];
    v_target public.iu_delivery_target;
    v_demoted int := 0;
begin
    perform public.fn_iu_delivery_reports_require(outcomes);
    perform public.fn_iu_delivery_isolation_require();
    perform public.fn_iu_login_require('iu_sender', 'IU201');
    v_reports := public.fn_iu_delivery_reports_read(outcomes);
    if cardinality(v_reports) > 0 then
        v_target := public.fn_iu_delivery_claims_target(
            array(select r.claim_id from unnest(v_reports) as r)
        );
        v_reports := public.fn_iu_delivery_reports_hold(v_reports);
        v_reports := public.fn_iu_delivery_outcomes_write(v_target, v_reports);
        perform public.fn_iu_delivery_settle(v_target, v_reports);
        v_demoted := public.fn_iu_delivery_consequences(v_target, v_reports);
    end if;
    return (
        select jsonb_build_object(
            'recorded', count(*) filter (where not r.is_known),
            'sent', count(*) filter (where r.is_current and r.decision = 'sent'),
            'retry', count(*) filter (where r.is_current and r.decision = 'retry'),
            'failed', count(*) filter (where r.is_current and r.decision = 'failed'),
            'stale', count(*) filter (where not r.is_known and not r.is_current),
            'known', count(*) filter (where r.is_known),
            'demoted', v_demoted
        )
        from unnest(v_reports) as r
    );
end
$$;
comment on function public.fn_iu_delivery_record(jsonb) is
'Records the outcomes of claims of one target: an array of at most 1,000 objects {"claim_id", "fence",
"decision" (sent, retry or failed), "status_code", "latency_ms", "retry_after_seconds", "response_hash" (hex),
"error", "local_fault"}. An outcome is always recorded; the queue changes only where the fence is the newest
of the delivery. Returns {"recorded", "sent", "retry", "failed", "stale", "known", "demoted"}: stale is
recorded without effect, known was recorded before. Raises IU104, IU201 for a claim of another login, IU303,
IU605. Independent of the gates, because outcomes are facts.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_record(jsonb)', 'deliver'
);
