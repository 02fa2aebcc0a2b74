-- The SQL of dagster.py.

-- name: has_tables
select to_regclass('public.daemon_heartbeats') is not null;

-- name: heartbeats
select max(h.timestamp) as newest from daemon_heartbeats as h
having count(*) > 0;
