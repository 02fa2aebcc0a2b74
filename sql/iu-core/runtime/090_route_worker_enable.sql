-- 090: the worker gate is opened, the worker invoked exactly once, and the audit shows that nothing came of it.
select public.fn_iu_step_require('iu-core', '080_route_worker_disable');

select public.fn_iu_gate_set(public.fn_iu_gate_key('worker'), 'true', 'runtime/090: the worker is armed');

do $run$
declare
    v_before jsonb := public.fn_iu_audit_counts();
    v_summary jsonb := public.fn_iu_route_worker_run('iu_outbound_default', 100);
    v_after jsonb := public.fn_iu_audit_counts();
begin
    raise notice 'summary %', v_summary;
    if v_summary ->> 'status' <> 'ran' then
        raise exception 'the worker did not run: %', v_summary using
            errcode = 'IU901',
            hint = format(
                'The master gate %s must be true, and no other invocation under way.', public.fn_iu_gate_key('master')
            );
    end if;
    if v_before <> v_after then
        raise exception 'attempts or dead letters came of the first run: before %, after %', v_before, v_after using
            errcode = 'IU901',
            hint = format(
                'Events were waiting. Let them be routed first: iu gate set %s true --reason "before 090", '
                'then iu run, then iu migrate.', public.fn_iu_gate_key('worker')
            );
    end if;
end
$run$;

select public.fn_iu_step_record(
    'iu-core', '090_route_worker_enable',
    '48b6da3738493548a941333e87981d9eb9c931cde92e4f947f98574f1d5290a2'
);
