-- 090: opens the worker gate and runs the worker exactly once. If there was no batch before, the step checks
-- that this run wrote no attempt and no dead letter. If events wait, because the step is applied again beside
-- traffic, the run processes them like any other run; the rest waits for the next run (decision 044).
select public.fn_iu_step_require('iu-core', '080_route_worker_disable');

select public.fn_iu_gate_set(public.fn_iu_gate_key('worker'), 'true', 'runtime/090: the worker gate is open');

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
                'Set the master gate %s to true, let other runs end, and run iu migrate again.',
                public.fn_iu_gate_key('master')
            );
    end if;
    if (v_summary ->> 'seen')::int > 0 then
        v_health := public.fn_iu_route_worker_health('iu_outbound_default');
        raise notice 'events were waiting: % read (% attempts, % dead letters), % wait for the next run',
            v_summary ->> 'seen', v_summary ->> 'attempts_written', v_summary ->> 'dead_lettered',
            case when (v_health ->> 'backlog_capped')::boolean then 'more than ' else '' end
            || (v_health ->> 'backlog');
    elsif v_is_fresh and v_before <> v_after then
        raise exception 'the first run wrote attempts or dead letters: before %, after %',
            v_before, v_after using
            errcode = 'IU902',
            hint = 'The run read no event and must not write any. Find out what else writes to the audit, '
                'then run iu migrate again.';
    end if;
end
$run$;

select public.fn_iu_step_record(
    'iu-core', '090_route_worker_enable',
    '4f0b8c7820b0a74658998d25817fc2a5987906abce7dce2c5041ed56d61f950e'
);
