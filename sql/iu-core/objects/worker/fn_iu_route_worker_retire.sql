create or replace function public.fn_iu_route_worker_retire(worker_name text, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_cursor public.iu_route_worker_cursor;
    v_reason_before constant text := coalesce(current_setting('iu.config_reason', true), '');
begin
    perform public.fn_iu_worker_name_require(worker_name);
    perform public.fn_iu_argument_require('reason', reason, 2000);
    v_cursor := public.fn_iu_cursor_read(worker_name);
    if v_cursor.worker_name is null then
        raise exception 'no such worker: %', quote_literal(worker_name) using
            errcode = 'IU104', hint = 'List the workers with: iu worker list';
    end if;
    if v_cursor.retired_at is null then
        v_cursor := public.fn_iu_cursor_lock(worker_name);
        if v_cursor.worker_name is null then
            return public.fn_iu_worker_state('worker_busy', worker_name, null, null);
        end if;
    end if;
    if v_cursor.retired_at is not null then
        return public.fn_iu_worker_state(
            'already_retired', worker_name, v_cursor.event_domain, v_cursor.retired_at
        );
    end if;
    perform public.fn_iu_worker_idle_require(v_cursor);
    perform set_config('iu.config_reason', reason, true);
    update public.iu_route_worker_cursor as c set retired_at = clock_timestamp()
    where c.worker_name = fn_iu_route_worker_retire.worker_name
    returning c.* into v_cursor;
    perform set_config('iu.config_reason', v_reason_before, true);
    return public.fn_iu_worker_state('retired', worker_name, v_cursor.event_domain, v_cursor.retired_at);
end
$$;
comment on function public.fn_iu_route_worker_retire(text, text) is
'Retires a worker that has read everything: its runs raise IU104, and retention does not wait for it. Its
cursor, batches and attempts stay, and fn_iu_route_worker_add resumes it. The change is in iu_config_history
with its reason. Returns {"status", "worker_name", "event_domain", "retired_at"}; status is retired,
already_retired (nothing is written), or worker_busy (without event_domain) if another transaction has locked
the cursor. Raises IU104 for a malformed argument, an unknown worker, and one with unread events or open dead
letters; IU501 if its runs raise it. Events that commit later are not read by it.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_route_worker_retire(text, text)',
    'operate'
);
