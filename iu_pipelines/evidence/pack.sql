-- The SQL of pack.py.

-- name: database_in_cluster
select current_database() || '-' || system_identifier as name
from pg_control_system();

-- name: lock_writers
select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('iu_pipelines.evidence'));
