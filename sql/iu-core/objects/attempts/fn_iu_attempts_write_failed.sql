create or replace function public.fn_iu_attempts_write_failed(
    worker_no int, batch_id bigint, event_id uuid, event_type text, error_detail text
)
returns int
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_written int;
begin
    insert into public.iu_route_attempt_log
    (batch_id, event_id, worker_no, route_no, route_version, decision, error_code, error_detail)
    select
        batch_id, event_id, worker_no, coalesce(r.route_no, 0), coalesce(r.route_version, 0),
        'failed', 'worker_process_error', error_detail
    from (values (event_type)) as e (event_type)
    left join public.iu_outbound_route as r on r.event_type = e.event_type and r.enabled
    order by r.route_no
    on conflict (event_id, worker_no, route_no) where attempt_no = 1 do nothing;
    get diagnostics v_written = row_count;
    return v_written;
end
$$;
comment on function public.fn_iu_attempts_write_failed(int, bigint, uuid, text, text) is
'Writes the failed attempts of one event that could not be written otherwise, one for each enabled route of its type, with the
error that kept it from being written. Returns how many.';
