-- enable_seqscan, enable_hashjoin and enable_mergejoin off: look up the names, version and batch of each row
-- by index. Any other join reads all of iu_route_batch for a few attempts (decisions 011 and 041).
create or replace function public.fn_iu_attempts_named(attempts public.iu_route_attempt_log[])
returns setof public.iu_attempt
language sql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
    select
        a.attempt_id, a.batch_id, w.name, a.event_id, r.name,
        coalesce(a.idempotency_key, w.name || ':' || a.event_id::text || ':' || coalesce(r.name, '-')),
        a.attempt_no, a.decision, a.decision, a.decision = 'sent', v.target_kind, v.target_ref,
        a.error_code, a.error_detail, a.created_at, coalesce(a.run_ref, b.run_ref)
    from unnest(attempts) as a
    left join public.iu_audit_name as w on w.name_no = a.worker_no
    left join public.iu_audit_name as r on r.name_no = a.route_no
    left join public.iu_outbound_route_version as v on v.route_version = a.route_version
    left join public.iu_route_batch as b on b.batch_id = a.batch_id
    order by a.attempt_id desc
$$;
comment on function public.fn_iu_attempts_named(public.iu_route_attempt_log[]) is
'Rows of iu_route_attempt_log with the columns of the view iu_route_attempt, newest first.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_named(public.iu_route_attempt_log[])',
    'internal'
);
