-- enable_seqscan, enable_hashjoin and enable_mergejoin off: find the failed attempts by
-- failed_attempts_by_batch, and the event and route of each by one probe. Any other join reads the whole
-- outbox for a handful of failures (decision 011).
create or replace function public.fn_iu_dead_letters_set_aside(batch public.iu_route_batch)
returns int
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_variable
declare
    v_due constant timestamptz := clock_timestamp() + public.fn_iu_replay_delay(1);
    v_written int;
begin
    if batch.failed = 0 then
        return 0;
    end if;
    insert into public.iu_route_dead_letter (
        event_id, worker_name, route_code, idempotency_key, event_snapshot,
        failure_code, failure_detail, next_replay_at
    )
    select
        o.event_id, batch.worker_name, n.name,
        public.fn_iu_idempotency_key(batch.worker_name, o.event_id, n.name), to_jsonb(o) - 'emitted_xid',
        a.error_code, a.error_detail, v_due
    from public.iu_route_attempt_log as a
    inner join public.event_outbox as o on o.event_id = a.event_id
    left join public.iu_audit_name as n on n.name_no = a.route_no
    where a.batch_id = batch.batch_id and a.decision = 'failed'
    order by o.event_seq
    on conflict do nothing;
    get diagnostics v_written = row_count;
    return v_written;
end
$$;
comment on function public.fn_iu_dead_letters_set_aside(public.iu_route_batch) is
'Writes a dead letter for each failed first attempt of a batch, with the references of the event and the
error. Returns their number.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_dead_letters_set_aside(public.iu_route_batch)',
    'internal'
);
