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
comment on column public.iu_route_attempt.attempt_id is 'order of the attempts';
comment on column public.iu_route_attempt.batch_id is
'batch of a first attempt (iu_route_batch); null for a replay';
comment on column public.iu_route_attempt.route_code is
'name of the route; null: the event had no enabled route';
comment on column public.iu_route_attempt.idempotency_key is
'worker:event:route, with - for no route; a replay has the key of its first attempt';
comment on column public.iu_route_attempt.attempt_no is '1 for a first attempt, higher for its replays';
comment on column public.iu_route_attempt.status is 'the same as decision';
comment on column public.iu_route_attempt.decision is 'dry_run, skipped, failed or sent';
comment on column public.iu_route_attempt.delivered is 'whether the decision is sent';
comment on column public.iu_route_attempt.target_kind is 'kind of the target of the route at that time';
comment on column public.iu_route_attempt.target_ref is 'target of the route at that time';
comment on column public.iu_route_attempt.error_code is
'class of the error; null unless the decision is failed';
comment on column public.iu_route_attempt.error_detail is 'SQLSTATE and message of the error';
comment on column public.iu_route_attempt.run_ref is
'reference to the run, such as its id in Dagster; null: none was given';
select public.fn_iu_object_declare('iu-core', 'view', 'public.iu_route_attempt', 'state');
