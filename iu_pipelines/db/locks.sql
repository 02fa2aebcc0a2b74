-- The SQL of locks.py.

-- name: exclusive
select
    l.pid, l.granted, l.relation::regclass::text as relation, a.application_name as program,
    a.usename::text as login
from pg_locks as l
inner join pg_class as c on c.oid = l.relation
inner join pg_database as d on d.oid = l.database
left join pg_stat_activity as a on a.pid = l.pid
where
    l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
    and c.relkind in ('r', 'p') and d.datname = current_database() and l.pid is distinct from pg_backend_pid()
order by l.granted desc, l.waitstart asc, c.relname asc
limit 3;
