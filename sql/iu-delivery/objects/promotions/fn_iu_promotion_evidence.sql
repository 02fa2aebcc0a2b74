create or replace function public.fn_iu_promotion_evidence(
    route public.iu_outbound_route, target public.iu_delivery_target
)
returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_counts record;
    v_pack public.iu_evidence_pack;
    v_test public.iu_delivery_target_test;
    v_rehearsals jsonb;
begin
    v_counts := public.fn_iu_promotion_counts(route);
    select p.* into v_pack from public.iu_evidence_pack as p order by p.pack_no desc limit 1;
    select t.* into v_test from public.iu_delivery_target_test as t
    where t.target_version = target.target_version order by t.test_no desc limit 1;
    -- The newest rehearsal of each kind counts.
    select coalesce(jsonb_object_agg(r.payload_kind, r.rehearsal_no) filter (where r.passed), '{}')
    into v_rehearsals
    from (
        select distinct on (h.payload_kind) h.* from public.iu_delivery_rehearsal as h
        where h.route_no = route.route_no and h.route_version = route.route_version
            and h.target_version = target.target_version
            and h.configuration_hash = public.fn_iu_promotion_configuration(route.event_type)
        order by h.payload_kind, h.rehearsal_no desc
    ) as r;
    return jsonb_build_object(
        'worker_name', v_counts.worker_name, 'events', v_counts.events, 'subjects', v_counts.subjects,
        'type_subjects', v_counts.type_subjects, 'failures', v_counts.failures,
        'seconds', coalesce(extract(epoch from v_counts.last_at - v_counts.first_at), 0),
        'rehearsals', v_rehearsals,
        'kinds_not_rehearsed', (
            select coalesce(jsonb_agg(k order by k), '[]') from unnest(v_counts.kinds) as k
            where not v_rehearsals ? k
        ),
        'test_no', v_test.test_no, 'test_passed', v_test.passed,
        'pack_no', v_pack.pack_no, 'pack_hash', encode(v_pack.pack_hash, 'hex'),
        'pack_passed', v_pack.passed,
        'pack_seconds', extract(epoch from clock_timestamp() - v_pack.recorded_at),
        'thresholds', (
            select jsonb_object_agg(t.threshold, t.value) from public.iu_promotion_threshold as t
        ),
        'last_decision_no', public.fn_iu_promotion_last_decision(route.route_no)
    );
end
$$;
comment on function public.fn_iu_promotion_evidence(
    public.iu_outbound_route, public.iu_delivery_target
) is
'The evidence for the current versions of a route and its target, as a proposal stores it: counts of the
audit, rehearsals by kind, the newest test of the target and the newest evidence pack, the thresholds, and the
last decision about the route. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_promotion_evidence(public.iu_outbound_route, public.iu_delivery_target)', 'internal'
);
