-- The SQL of environment.py.

-- name: server
select
    current_database() as database,
    current_user::text as role,
    (select system_identifier::text from pg_control_system()) as cluster,
    current_setting('server_version') as server,
    current_setting('fsync') = 'on' and current_setting('synchronous_commit') <> 'off' as durable;

-- name: code_digest
select
    encode(
        sha256(convert_to(string_agg(definition, chr(10) order by definition), 'UTF8')), 'hex'
    ) as code_digest
from (
    select pg_get_functiondef(to_regprocedure(case o.kind when 'function' then o.object end)) as definition
    from public.iu_schema_object as o
    union all
    select concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
    from pg_trigger as t
    inner join public.iu_schema_object as o
        on t.tgrelid = to_regclass(case o.kind when 'table' then o.object end)
    where not t.tgisinternal
) as code;
