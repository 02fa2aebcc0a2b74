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
