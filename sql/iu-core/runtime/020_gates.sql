-- 020: settings and gates, and the history of their changes.
select public.fn_iu_step_require('iu-core', '010_roles_and_ledger');

create table public.dot_config (
    key text primary key,
    value text not null,
    value_pattern text not null default '^(true|false)$',
    description text not null,
    updated_at timestamptz not null default clock_timestamp(),
    updated_by text not null default session_user
);
comment on table public.dot_config is
'Settings and gates. A gate is open only if its value is exactly true; a missing row is a closed gate.
Changed by fn_iu_gate_set, which checks the value against value_pattern.';

create table public.dot_config_history (
    change_no bigint generated always as identity primary key,
    key text not null,
    old_value text,
    new_value text,
    reason text,
    changed_by text not null,
    changed_at timestamptz not null default clock_timestamp()
);
create index dot_config_history_by_key on public.dot_config_history (key, change_no);
comment on table public.dot_config_history is
'Every change of dot_config, however it was made: append-only, written by trg_iu_gate_history. old_value is
null for a new row, new_value for a deleted row, reason if none was given.';

insert into public.dot_config (key, value, value_pattern, description) values
('iu_core.routes_enabled', 'true', '^(true|false)$', 'master gate: if closed, no worker runs and no replay'),
('iu_core.route_worker_enabled', 'false', '^(true|false)$', 'worker gate: if closed, no worker runs'),
('iu_core.delivery_enabled', 'false', '^(true|false)$', 'delivery gate: if closed, nothing is delivered'),
(
    'iu_core.delivery_live_routes', '', '^$|^[a-z0-9_.-]+(,[a-z0-9_.-]+)*$',
    'codes of the live routes, separated by commas'
),
('queue.job_substrate.enabled', 'false', '^(true|false)$', 'job gate: if closed, no job runs'),
(
    'iu_core.stall_seconds', '300', '^[1-9][0-9]{0,6}$',
    'seconds without progress before a backlog is unhealthy'
),
(
    'iu_core.replay_backoff_seconds', '60', '^[1-9][0-9]{0,6}$',
    'seconds until a dead letter is due again; doubled after each try'
),
(
    'iu_core.replay_backoff_cap_seconds', '86400', '^[1-9][0-9]{0,6}$',
    'longest time in seconds until a dead letter is due again'
),
(
    'iu_core.retention_days', '0', '^(0|[1-9][0-9]{0,4})$',
    'days to keep consumed events and their attempts; 0: for ever'
);

select public.fn_iu_step_record(
    'iu-core', '020_gates',
    'c7d26bc63167fc7920dc6da4ce3fab4f90223ca3d64e2dd9f06abec556d87886'
);
