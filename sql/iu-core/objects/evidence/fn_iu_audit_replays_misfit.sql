create or replace function public.fn_iu_audit_replays_misfit()
returns text
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    with replay as (
        select
            a.idempotency_key, a.event_id, count(*) as attempts, max(a.attempt_no) as newest_no,
            min(a.attempt_no) filter (where a.decision in ('dry_run', 'sent')) as resolved_no,
            (
                array_agg(a.error_detail order by a.attempt_no desc) filter (where a.decision = 'failed')
            )[1] as last_error
        from public.iu_route_attempt_log as a where a.attempt_no > 1
        group by a.idempotency_key, a.event_id
    )
    select case
        when l.dead_letter_id is null
        then format('the replays of key %s have no dead letter', r.idempotency_key)
        when l.attempts <> 1 + coalesce(r.attempts, 0)
        then format(
            'dead letter %s records %s attempts, so %s replays, but the audit has %s',
            l.dead_letter_id, l.attempts, l.attempts - 1, coalesce(r.attempts, 0)
        )
        when l.attempts <> coalesce(r.newest_no, 1)
        then format(
            'dead letter %s records %s attempts, but its newest replay in the audit is attempt %s',
            l.dead_letter_id, l.attempts, r.newest_no
        )
        when r.last_error is distinct from l.failure_detail and r.last_error is not null
        then format('dead letter %s has another error than its newest failed replay', l.dead_letter_id)
        when r.resolved_no < r.newest_no
        then format(
            'dead letter %s was replayed after attempt %s had resolved it', l.dead_letter_id, r.resolved_no
        )
        else format(
            'dead letter %s is %s, which its replays contradict',
            l.dead_letter_id, coalesce(l.resolution, 'open')
        )
    end
    from replay as r
    full join public.iu_route_dead_letter as l
        on l.idempotency_key = r.idempotency_key and l.event_id = r.event_id
    where l.dead_letter_id is null
        or l.attempts <> 1 + coalesce(r.attempts, 0) or l.attempts <> coalesce(r.newest_no, 1)
        or (r.last_error is distinct from l.failure_detail and r.last_error is not null)
        or r.resolved_no < r.newest_no
        or (coalesce(l.resolution, '') = 'replayed') <> (r.resolved_no is not null)
    order by l.created_at nulls first, l.dead_letter_id
    limit 1
$$;
comment on function public.fn_iu_audit_replays_misfit() is
'A message about the first dead letter whose number of attempts, error or resolution contradicts its replays
in the audit, or about replays without a dead letter; null if there is none. The cost depends only on the
number of dead letters and replays.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_audit_replays_misfit()', 'inspect');
