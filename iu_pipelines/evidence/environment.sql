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
    select pg_get_functiondef(oid) as definition
    from pg_proc
    where pronamespace = 'public'::regnamespace and starts_with(proname, 'fn_iu_')
    union all
    select concat_ws(' ', pg_get_triggerdef(oid), tgenabled)
    from pg_trigger
    where not tgisinternal and starts_with(tgname, 'trg_iu_')
) as code;

-- name: steps
select
    step_name,
    checksum
from public.iu_schema_step;
