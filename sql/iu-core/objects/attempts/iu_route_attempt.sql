create or replace view public.iu_route_attempt as
select
    a.attempt_id,
    a.batch_id,
    w.name as worker_name,
    a.event_id,
    r.name as route_code,
    coalesce(
        a.idempotency_key, w.name || ':' || a.event_id::text || ':' || coalesce(r.name, '-')
    ) as idempotency_key,
    a.attempt_no,
    a.decision as status,
    a.decision,
    a.decision = 'sent' as delivered,
    v.target_kind,
    v.target_ref,
    a.error_code,
    a.error_detail,
    a.created_at,
    coalesce(a.run_ref, b.run_ref) as run_ref
from public.iu_route_attempt_log as a
left join public.iu_audit_name as w on a.worker_no = w.name_no
left join public.iu_audit_name as r on a.route_no = r.name_no
left join public.iu_outbound_route_version as v on a.route_version = v.route_version
left join public.iu_route_batch as b on a.batch_id = b.batch_id;
comment on view public.iu_route_attempt is
'The audit: one row for each attempt of an event on a route. Append-only; attempt_id gives the order.
route_code is null if no route was enabled; target_kind and target_ref are those of the route at that time;
run_ref is the orchestrator''s run. (idempotency_key, attempt_no) is unique. Built on iu_route_attempt_log.';
select public.fn_iu_object_declare('iu-core', 'view', 'public.iu_route_attempt', 'state');
