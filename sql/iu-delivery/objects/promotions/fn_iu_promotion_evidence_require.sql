create or replace function public.fn_iu_promotion_evidence_require(evidence jsonb, valid_for interval)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_limits constant jsonb := evidence -> 'thresholds';
    v_subjects constant bigint := least(
        (v_limits ->> 'subjects')::bigint, (evidence ->> 'type_subjects')::bigint
    );
    v_missed jsonb;
begin
    select jsonb_agg(to_jsonb(r) order by r.rule_no) into v_missed
    from (values
        (1, 'days', extract(epoch from valid_for) <= (v_limits ->> 'days')::bigint * 86400,
            justify_hours(valid_for)::text, format('at most %s days', v_limits ->> 'days')),
        (2, 'worker', evidence ->> 'worker_name' is not null, 'no worker', 'an audit worker in use'),
        (3, 'failures', (evidence ->> 'failures')::bigint = 0, evidence ->> 'failures', '0'),
        (4, 'events', (evidence ->> 'events')::bigint >= (v_limits ->> 'events')::bigint,
            evidence ->> 'events', v_limits ->> 'events'),
        (5, 'subjects', (evidence ->> 'subjects')::bigint >= v_subjects,
            evidence ->> 'subjects', v_subjects::text),
        (6, 'hours', (evidence ->> 'seconds')::numeric >= (v_limits ->> 'hours')::bigint * 3600,
            round((evidence ->> 'seconds')::numeric / 3600, 2)::text, v_limits ->> 'hours'),
        (7, 'rehearsal', jsonb_array_length(evidence -> 'kinds_not_rehearsed') = 0,
            format('kinds %s without a rehearsal', evidence -> 'kinds_not_rehearsed'), 'one of each kind'),
        (8, 'test', (evidence ->> 'test_passed')::boolean is true,
            coalesce('failed test ' || (evidence ->> 'test_no'), 'no test'), 'a passed test'),
        (9, 'pack', (evidence ->> 'pack_passed')::boolean is true,
            coalesce('failed pack ' || (evidence ->> 'pack_no'), 'no pack'), 'a passed pack'),
        (10, 'pack_hours',
            (evidence ->> 'pack_seconds')::numeric <= (v_limits ->> 'pack_hours')::bigint * 3600,
            coalesce(
                'a pack of ' || round((evidence ->> 'pack_seconds')::numeric / 3600, 2) || ' hours', 'no pack'
            ),
            format('at most %s hours', v_limits ->> 'pack_hours'))
    ) as r (rule_no, rule, is_met, seen, needed)
    where r.is_met is not true;
    if v_missed is not null then
        perform public.fn_iu_promotion_refuse(
            v_missed -> 0 ->> 'rule', v_missed -> 0 ->> 'seen', v_missed -> 0 ->> 'needed', v_missed - 0
        );
    end if;
end
$$;
comment on function public.fn_iu_promotion_evidence_require(jsonb, interval) is
'Raises IU205 with every rule that the evidence (fn_iu_promotion_evidence) does not meet:
days, worker, failures, events, subjects, hours, rehearsal, test, pack, pack_hours. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_evidence_require(jsonb, interval)', 'internal'
);
