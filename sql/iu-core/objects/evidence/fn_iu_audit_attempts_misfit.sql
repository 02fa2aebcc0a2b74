-- enable_seqscan, enable_hashjoin and enable_mergejoin off: read the attempts of a range of batches by the
-- index on batch_id and look up event, route and letter of each, so that the cost depends on the range and
-- not on the outbox (decisions 011 and 031).
create or replace function public.fn_iu_audit_attempts_misfit(
    worker_name text, from_batch_id bigint, to_batch_id bigint,
    out batch_id bigint, out attempt_id bigint, out fault text
)
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
    with attempt as materialized (
        select a.*
        from public.iu_route_attempt_log as a
        where a.batch_id between from_batch_id and to_batch_id and a.attempt_no = 1
            and a.worker_no = (
                select n.name_no from public.iu_audit_name as n
                where n.name = fn_iu_audit_attempts_misfit.worker_name
            )
    ),
    judged as (
        select a.batch_id, a.attempt_id, case
            when b.batch_id is null then 'names a batch that does not exist'
            when o.event_id is null then 'names an event that is not in the outbox'
            when o.event_domain <> b.event_domain
                or o.event_seq not between b.first_event_seq and b.last_event_seq
            then 'names an event that its batch did not read'
            when o.event_seq < lag(o.event_seq) over (partition by a.batch_id order by a.attempt_id)
            then 'is not in the order of events'
            when a.attempt_id > coalesce(b.last_attempt_id, 0)
            then 'has a higher attempt_id than the last attempt of its batch'
            when a.created_at < b.started_at - interval '1 minute'
                or a.created_at > b.finished_at + interval '1 minute'
            then 'is dated outside its batch'
            when (a.decision = 'skipped') <> (a.route_no = 0) and a.decision <> 'failed'
            then format('has the decision %s, which its route does not allow', a.decision)
            when a.route_no <> 0
                and (v.route_code, v.event_type, v.enabled) is distinct from (n.name, o.event_type, true)
            then 'names a version of a route that did not accept this event'
            when a.route_no <> 0 and a.decision in ('dry_run', 'sent')
                and (a.decision = 'dry_run') <> v.dry_run
            then format(
                'has the decision %s, but its route was %s', a.decision,
                case when v.dry_run then 'dry-run' else 'live' end
            )
            when a.decision = 'failed' and l.dead_letter_id is null then 'failed, but has no dead letter'
            when a.decision = 'failed' and a.error_detail is distinct from l.failure_detail and not exists (
                select from public.iu_route_attempt_log as r
                where r.event_id = a.event_id and r.worker_no = a.worker_no and r.route_no = a.route_no
                    and r.attempt_no > 1 and r.decision = 'failed'
            )
            then 'has another error than its dead letter'
        end as fault
        from attempt as a
        left join public.iu_route_batch as b
            on b.batch_id = a.batch_id and b.worker_name = fn_iu_audit_attempts_misfit.worker_name
        left join public.event_outbox as o on o.event_id = a.event_id
        left join public.iu_audit_name as n on n.name_no = a.route_no
        left join public.iu_outbound_route_version as v on v.route_version = a.route_version
        left join public.iu_route_dead_letter as l on a.decision = 'failed'
            and l.event_id = a.event_id and l.worker_name = fn_iu_audit_attempts_misfit.worker_name
            and coalesce(l.route_code, '-') = coalesce(n.name, '-')
    )
    select j.batch_id, j.attempt_id, format('attempt %s of batch %s %s', j.attempt_id, j.batch_id, j.fault)
    from judged as j where j.fault is not null
    order by j.batch_id, j.attempt_id
    limit 1
$$;
comment on function public.fn_iu_audit_attempts_misfit(text, bigint, bigint) is
'A message about the first attempt, in a range of batches of a worker, that contradicts iu_route_batch, the
outbox, the history of its route or the dead letters; null if there is none.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_audit_attempts_misfit(text, bigint, bigint)',
    'inspect'
);
