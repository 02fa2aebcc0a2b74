-- The SQL of pack.py.

-- name: database_in_cluster
select current_database() || '-' || system_identifier as name
from pg_control_system();
