-- name: lock_runners
select pg_advisory_xact_lock(%(key)s);

-- name: runners
select
    format(
        'process %%s (%%s, %%s, %%s)', a.pid, a.usename,
        coalesce(nullif(a.application_name, ''), 'no application name'), a.state
    ) as holder
from pg_locks as l
inner join pg_stat_activity as a on a.pid = l.pid
inner join pg_database as d on d.oid = l.database
where
    l.locktype = 'advisory' and l.granted and l.objsubid = 1 and d.datname = current_database()
    and (l.classid::bigint << 32 | l.objid::bigint) = %(key)s;

-- name: owner_hint
select
    'Ask an administrator to run: '
    || case
        when to_regrole('iu_owner') is not null then ''
        else format('create role iu_owner; grant iu_owner to %I; ', current_user)
    end
    || 'grant usage, create on schema public to iu_owner';

-- name: relations
select c.relname::text as name
from pg_class as c
where c.relnamespace = 'public'::regnamespace and c.relname = any(%(names)s)
order by c.relname;

-- name: lock_holders
select
    format(
        'process %s (%s, %s, %s, transaction open for %s s)', a.pid, a.usename,
        coalesce(nullif(a.application_name, ''), 'no application name'), a.state,
        round(extract(epoch from clock_timestamp() - a.xact_start))
    ) as holder
from pg_stat_activity as a
where
    a.datname = current_database() and a.pid <> pg_backend_pid()
    and a.xact_start < clock_timestamp() - interval '1 second'
    and exists (
        select from pg_locks as l
        inner join pg_class as c on c.oid = l.relation
        where l.pid = a.pid and l.locktype = 'relation' and c.relnamespace = 'public'::regnamespace
    )
order by a.xact_start
limit 3;
