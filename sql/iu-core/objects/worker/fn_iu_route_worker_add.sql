create or replace function public.fn_iu_route_worker_add(worker_name text, event_domain text, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_cursor public.iu_route_worker_cursor;
    v_status text;
    v_reason_before constant text := coalesce(current_setting('iu.config_reason', true), '');
begin
    perform public.fn_iu_worker_name_require(worker_name);
    perform public.fn_iu_argument_require('event_domain', event_domain, 100);
    perform public.fn_iu_argument_require('reason', reason, 2000);
    v_cursor := public.fn_iu_cursor_read(worker_name);
    if v_cursor.worker_name is null or v_cursor.retired_at is not null then
        -- The cursor will need events that a concurrent round of retention may delete (decision 040).
        if not public.fn_iu_retention_lock(for_round => false) then
            return public.fn_iu_worker_state('worker_busy', worker_name, null, null);
        end if;
        perform set_config('iu.config_reason', reason, true);
        v_cursor := public.fn_iu_cursor_make(worker_name, event_domain, 'audit');
        v_status := case when v_cursor.worker_name is not null then 'added' end;
        if v_status is null then
            v_cursor := public.fn_iu_cursor_read(worker_name);
        end if;
        if v_cursor.retired_at is not null and v_cursor.event_domain = event_domain then
            update public.iu_route_worker_cursor as c
            set retired_at = null, added_at = clock_timestamp()
            where c.worker_name = fn_iu_route_worker_add.worker_name and c.retired_at is not null;
            v_status := case when found then 'resumed' end;
        end if;
        perform set_config('iu.config_reason', v_reason_before, true);
        if v_cursor.worker_name is null then
            return public.fn_iu_worker_state('worker_busy', worker_name, null, null);
        end if;
    end if;
    if v_cursor.event_domain <> event_domain then
        raise exception 'worker % reads domain %, not %',
            worker_name, v_cursor.event_domain, quote_literal(event_domain) using
            errcode = 'IU104',
            hint = 'A worker keeps its domain. Give the new worker another name.';
    end if;
    return public.fn_iu_worker_state(coalesce(v_status, 'exists'), worker_name, event_domain, null);
end
$$;
comment on function public.fn_iu_route_worker_add(text, text, text) is
'Adds a worker that reads a domain from the beginning, or resumes a retired one where it stopped; what
retention deleted meanwhile is not read. The change is in iu_config_history with its reason. Returns
{"status", "worker_name", "event_domain", "retired_at"}; status is added, resumed, exists (nothing is
written), or worker_busy (without event_domain) if another transaction is adding the worker, or if a round of
retention does not end within 50 ms. Raises IU104 for a malformed argument, and if the worker exists and reads
another domain. Blocks rounds of retention until the transaction ends.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_route_worker_add(text, text, text)',
    'operate'
);
