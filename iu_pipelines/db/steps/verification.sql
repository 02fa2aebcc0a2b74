-- name: owner
select c.relowner::regrole::text as name, pg_has_role(c.relowner, 'usage') as is_ours
from pg_class as c
where c.oid = to_regclass('public.iu_schema_step');
