-- 090: the worker gate is opened and the worker invoked exactly once. Where no batch was ever made, the audit
-- shows that no attempt and no dead letter came of it. Where events wait, because the step is applied again
-- beside traffic, that invocation attempts them as any other does, and what is left waits for the next one
-- (decision 044).
select public.fn_iu_step_require('iu-core', '080_route_worker_disable');

select public.fn_iu_gate_set(public.fn_iu_gate_key('worker'), 'true', 'runtime/090: the worker is armed');

do $run$
declare
    v_is_fresh boolean := not exists (select from public.iu_route_batch);
    v_before jsonb := public.fn_iu_audit_counts();
    v_summary jsonb := public.fn_iu_route_worker_run('iu_outbound_default', 100);
    v_after jsonb := public.fn_iu_audit_counts();
    v_health jsonb;
begin
    raise notice 'summary %', v_summary;
    if v_summary ->> 'status' <> 'ran' then
        raise exception 'the worker did not run: %', v_summary using
            errcode = 'IU901',
            hint = format(
                'The master gate %s must be true, and no other invocation under way. Then run iu migrate again.',
                public.fn_iu_gate_key('master')
            );
    end if;
    if (v_summary ->> 'seen')::int > 0 then
        v_health := public.fn_iu_route_worker_health('iu_outbound_default');
        raise notice 'events were waiting: % attempted (% attempts, % dead letters), % wait for the next run',
            v_summary ->> 'seen', v_summary ->> 'attempts_written', v_summary ->> 'dead_lettered',
            case when (v_health ->> 'backlog_capped')::boolean then 'more than ' else '' end
            || (v_health ->> 'backlog');
    elsif v_is_fresh and v_before <> v_after then
        raise exception 'attempts or dead letters came of the first run: before %, after %',
            v_before, v_after using
            errcode = 'IU902',
            hint = 'The run saw no event and may not write any. Look for what else writes to the audit, '
                'then run iu migrate again.';
    end if;
end
$run$;

select public.fn_iu_step_record(
    'iu-core', '090_route_worker_enable',
    '10977d6c838e83beecc4fbf3e560fa5e36abb3f02df0eb7015d99ce5fa162541'
);
