-- The SQL of pack.py.

-- name: database_in_cluster
select current_database() || '-' || system_identifier as name
from pg_control_system();

-- name: keep_session
set local idle_in_transaction_session_timeout = 0;

-- name: limit_wait
select pg_catalog.set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout;

-- name: lock_writers
select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('iu_pipelines.evidence'));
