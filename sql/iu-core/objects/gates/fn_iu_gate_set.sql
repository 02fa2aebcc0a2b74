create or replace function public.fn_iu_gate_set(key text, value text, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_old public.dot_config;
begin
    perform public.fn_iu_argument_require('key', key, 200);
    perform public.fn_iu_argument_require('reason', reason, 2000);
    select c.* into v_old from public.dot_config as c where c.key = fn_iu_gate_set.key for update;
    if not found then
        raise exception 'unknown gate or setting %', quote_literal(key) using
            errcode = 'IU202',
            hint = (select 'Known: ' || string_agg(c.key, ', ' order by c.key) from public.dot_config as c);
    end if;
    if value is null or value !~ v_old.value_pattern then
        raise exception 'value % does not fit %', coalesce(quote_literal(left(value, 80)), 'null'), key using
            errcode = 'IU202',
            hint = format('%s: %s. The value must match %s', key, v_old.description, v_old.value_pattern);
    end if;
    if key = public.fn_iu_gate_key('live_routes') then
        perform public.fn_iu_live_routes_require(value);
    end if;
    perform set_config('iu.gate_reason', reason, true);
    update public.dot_config as c
    set value = fn_iu_gate_set.value, updated_at = clock_timestamp(), updated_by = session_user
    where c.key = fn_iu_gate_set.key;
    perform set_config('iu.gate_reason', '', true);
    return jsonb_build_object(
        'status', 'set', 'key', key, 'old_value', v_old.value, 'value', value, 'reason', reason,
        'note', public.fn_iu_gate_note(key, value)
    );
end
$$;
comment on function public.fn_iu_gate_set(text, text, text) is
'Sets a gate or setting, also to the same value, and records the change with its reason in dot_config_history.
Returns {"status": "set", "key", "old_value", "value", "reason", "note"}; note is why a gate that is opened
has no effect yet (fn_iu_gate_note), else null. Raises IU104 for an empty key or reason; IU202 for an unknown
key or an invalid value; 40001 above read committed if the setting changed after the snapshot. Locks the row
of the gate. Closing a gate does not wait for runs: after it commits, every run or replay that checks the gate
stops; one that has already checked it may still commit.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_gate_set(text, text, text)',
    'operate'
);
