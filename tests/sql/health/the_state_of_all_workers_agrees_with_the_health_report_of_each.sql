create function pg_temp.differing() returns text language sql as $$
    select string_agg(format('%s: %s, %s', s.worker_name, to_jsonb(s), h.report), E'\n')
    from fn_iu_workers_status(1000000) as s
    cross join lateral (select fn_iu_route_worker_health(s.worker_name) as report) as h
    where (h.report ->> 'healthy')::boolean <> s.healthy
        or (h.report ->> 'backlog')::int <> s.backlog
        or (h.report ->> 'last_run_at')::timestamptz is distinct from s.last_run_at
        or (h.report ->> 'last_progress_at')::timestamptz is distinct from s.last_progress_at
        or (h.report ->> 'backlog_oldest_seconds')::numeric > 0 and s.backlog_oldest_seconds is null
        or not s.healthy and not (h.report -> 'reasons' ->> 0) like left(s.faults[1], 30) || '%'
$$;
select run();
select fn_iu_route_worker_add('slow', 'iu', 'test'), fn_iu_route_worker_add('shop', 'shop', 'test');
select emit_many(150);
select run(batch_limit => 20);
select same(pg_temp.differing(), null, 'with a backlog');
select same((select string_agg(concat_ws(' ', worker_name, event_domain, backlog), ', ' order by worker_name)
    from fn_iu_workers_status() where worker_name in ('slow', 'shop', 'tester')),
    'shop shop 0, slow iu 150, tester iu 130');
select same((select count(*) from fn_iu_workers_status() where not healthy), 0);
update dot_config set updated_at = updated_at - interval '1 hour';
alter table event_outbox disable trigger all;
update event_outbox set created_at = created_at - interval '20 minutes';
select same((
    select healthy from fn_iu_workers_status() where worker_name = 'slow'
), true, 'it was added a moment ago');
update iu_route_worker_cursor set added_at = added_at - interval '20 minutes';
select same(pg_temp.differing(), null, 'a worker that stands still');
select same((
    select string_agg(worker_name, ', ' order by worker_name) from fn_iu_workers_status()
    where not healthy and worker_name in ('slow', 'tester')
), 'slow', 'the worker that made progress is healthy');
select fn_iu_gate_set('iu_core.route_worker_enabled', 'false', 'test');
select same((select count(*) from fn_iu_workers_status() where not healthy), 0, 'a closed gate is no fault');
select fn_iu_route_worker_retire('shop', 'test');
select holds((
    select retired_at is not null from fn_iu_workers_status() where worker_name = 'shop'
), 'retired');
alter table iu_outbound_route drop constraint dry_run_is_enforced;
select same(pg_temp.differing(), null, 'a fault of all workers');
select same((select count(*) from fn_iu_workers_status() where healthy), 0);
