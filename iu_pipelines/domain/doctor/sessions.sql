-- The SQL of sessions.py.

-- name: prepared
select
    p.gid, p.database::text as database, p.owner::text as owner,
    extract(epoch from clock_timestamp() - p.prepared)::float8 as seconds
from pg_prepared_xacts as p
order by p.prepared;

-- name: open
-- The age of an idle transaction counts from its last statement.
select
    a.pid, a.usename as login, a.datname as database, a.application_name as program,
    starts_with(a.state, 'idle') as is_idle, a.backend_xid is not null as has_written,
    extract(epoch from clock_timestamp() - case
        when starts_with(a.state, 'idle') then a.state_change else a.xact_start
    end)::float8 as seconds
from pg_stat_activity as a
where
    a.xact_start is not null and a.pid <> pg_backend_pid() and a.backend_type = 'client backend'
    and a.state <> 'idle'
order by seconds desc;

-- name: hidden
select count(*)
from pg_stat_activity as a
where a.query = '<insufficient privilege>' and a.usesysid is not null;

-- name: blocked
-- A login without pg_read_all_stats sees this for every session, but not the state of the others.
select
    l.pid, w.usename::text as login, w.application_name as program, l.mode,
    case when l.locktype = 'relation' then l.relation::regclass::text end as relation,
    l.locktype as kind, extract(epoch from clock_timestamp() - l.waitstart)::float8 as seconds,
    array(
        select distinct b.pid
        from unnest(pg_blocking_pids(l.pid)) as b (pid)
        order by b.pid
    ) as blockers
from pg_locks as l
inner join pg_stat_activity as w on w.pid = l.pid
where not l.granted and w.datname = current_database() and l.waitstart is not null
order by seconds desc;

-- name: blockers
select
    a.pid, a.usename::text as login, a.datname as database, a.application_name as program, a.state,
    extract(epoch from clock_timestamp() - a.xact_start)::float8 as seconds
from pg_stat_activity as a
where a.pid = any(%(pids)s::int[])
order by a.pid;
