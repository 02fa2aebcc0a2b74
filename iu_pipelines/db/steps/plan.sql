-- name: ledger_columns
select a.attname::text as name
from pg_attribute as a
where a.attrelid = to_regclass('public.iu_schema_step') and a.attnum > 0 and not a.attisdropped;

-- name: ledger
select
    s.module, s.step_name, s.checksum, s.applied_at, s.applied_by,
    s.server_major = current_setting('server_version_num')::int / 10000 as is_of_this_server
from public.iu_schema_step as s;
