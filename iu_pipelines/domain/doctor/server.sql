-- The SQL of server.py.

-- name: encoding
select pg_encoding_to_char(d.encoding)::text as encoding, d.datcollate::text as collation
from pg_database as d
where d.datname = current_database();

-- name: collation_version
select d.datcollversion as stored, pg_database_collation_actual_version(d.oid) as actual
from pg_database as d
where d.datname = current_database() and d.datcollversion <> pg_database_collation_actual_version(d.oid);

-- name: writable
select pg_is_in_recovery() as in_recovery;

-- name: connections
select
    count(*) filter (where a.datid is not null) as used, current_setting('max_connections')::int as allowed
from pg_stat_activity as a;

-- name: idle_slots
select
    s.slot_name as name,
    pg_size_pretty(pg_wal_lsn_diff(
        case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
        s.restart_lsn
    )) as kept,
    greatest(age(s.xmin), age(s.catalog_xmin)) as xids
from pg_replication_slots as s
where not s.active
order by s.slot_name;

-- name: size
select current_database()::text as name, pg_size_pretty(pg_database_size(current_database())) as size;

-- name: largest
select c.relname as name, pg_size_pretty(pg_total_relation_size(c.oid)) as size
from pg_class as c
where
    c.relnamespace = to_regnamespace('public') and c.relkind = 'r'
    and pg_total_relation_size(c.oid) >= 16 * 1024 * 1024
order by pg_total_relation_size(c.oid) desc
limit 3;
