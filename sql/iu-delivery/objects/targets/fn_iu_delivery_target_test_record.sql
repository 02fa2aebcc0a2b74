create or replace function public.fn_iu_delivery_target_test_record(
    target_name text, passed boolean, status_class text
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_target public.iu_delivery_target;
    v_test public.iu_delivery_target_test;
begin
    v_target := public.fn_iu_target_require(target_name);
    perform public.fn_iu_target_sender_require(v_target);
    perform public.fn_iu_argument_require('passed', passed::text, 5);
    perform public.fn_iu_name_require(
        'status_class', status_class, '^[a-z0-9_]{1,40}$',
        'Give the class of the answer, such as 2xx, 4xx or timeout.'
    );
    insert into public.iu_delivery_target_test (target_no, target_version, passed, status_class)
    values (v_target.target_no, v_target.target_version, passed, status_class)
    returning * into v_test;
    if passed then
        update public.iu_delivery_target_state as s set retry_at = clock_timestamp()
        where s.target_no = v_target.target_no and s.breaker = 'open' and s.retry_at > clock_timestamp();
    end if;
    return jsonb_build_object(
        'test_no', v_test.test_no, 'target_name', target_name, 'target_version', v_test.target_version,
        'passed', passed, 'status_class', status_class
    );
end
$$;
comment on function public.fn_iu_delivery_target_test_record(text, boolean, text) is
'Records that a sender sent a synthetic body to the current version of a target, and whether it was accepted.
After an accepted one, a breaker that is open lets one delivery through at once; it closes if that is sent.
Returns {"test_no", "target_name", "target_version", "passed", "status_class"}. Raises IU104, IU603, and IU201
for a login that may not deliver to the target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_target_test_record(text, boolean, text)', 'deliver'
);
