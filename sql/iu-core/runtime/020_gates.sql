-- 020: settings and gates, and the history of every change of one.
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
'Settings and gates. A gate is open only where its value is exactly true: a missing row is a closed
gate. Changed through fn_iu_gate_set, which checks the value against value_pattern.';

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
'Every change of dot_config, by whatever way it came: append-only, written by trg_iu_gate_history.
old_value is null for a new row, new_value for a deleted one, reason where the change did not give
one.';

insert into public.dot_config (key, value, value_pattern, description) values
('iu_core.routes_enabled', 'true', '^(true|false)$', 'master gate: closed, no worker runs and nothing is replayed'),
('iu_core.route_worker_enabled', 'false', '^(true|false)$', 'worker gate: closed, no worker runs'),
('iu_core.delivery_enabled', 'false', '^(true|false)$', 'delivery gate: closed, nothing is delivered'),
('iu_core.delivery_live_routes', '', '^$|^[a-z0-9_.-]+(,[a-z0-9_.-]+)*$', 'route codes, parted by commas, that are live'),
('queue.job_substrate.enabled', 'false', '^(true|false)$', 'job gate: closed, no job is executed'),
('iu_core.stall_seconds', '300', '^[1-9][0-9]{0,6}$', 'seconds after which a backlog that does not move is unhealthy'),
('iu_core.replay_backoff_seconds', '60', '^[1-9][0-9]{0,6}$', 'seconds until a letter is due again; doubled with each try'),
('iu_core.replay_backoff_cap_seconds', '86400', '^[1-9][0-9]{0,6}$', 'the longest time until a letter is due again'),
('iu_core.retention_days', '0', '^(0|[1-9][0-9]{0,4})$', 'days that read events and their attempts are kept; 0 keeps them for ever');

select public.fn_iu_step_record(
    'iu-core', '020_gates',
    '8e3ccacee5be50062837547d909e833046ae8934c8b6e07f09a43b7a4263a17b'
);
