-- The SQL of database.py.

-- name: read_only
select
    set_config('transaction_read_only', 'on', true), set_config('lock_timeout', '2s', true),
    set_config('statement_timeout', '20s', true);

-- name: settings
select
    s.name, s.source,
    s.setting || case when s.unit is null or s.setting in ('0', '-1') then '' else ' ' || s.unit end as value
from pg_settings as s;

-- name: sees_sessions
select pg_has_role(current_user, 'pg_read_all_stats', 'usage');

-- name: any_exists
select exists(
    select 1
    from unnest(%(tables)s::text[]) as t (name)
    where to_regclass(t.name) is not null
) as any_exists;
