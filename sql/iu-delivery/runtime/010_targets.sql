-- 010: the group roles of live delivery, and its targets.
select public.fn_iu_step_require('iu-core', '070_functions');

do $roles$
declare
    v_role text;
    v_about jsonb := jsonb_build_object(
        'iu_approver', 'may decide promotions and changes of thresholds that another login proposed',
        'iu_sender', 'may claim and record deliveries of the targets that are granted to its logins'
    );
begin
    if not public.fn_iu_roles_are_used() then
        raise exception 'module iu-delivery needs the group roles, and this installation has none' using
            errcode = 'IU901',
            hint = 'Install the core with its group roles: approval takes two logins with different roles.';
    end if;
    for v_role in select jsonb_object_keys(v_about) loop
        if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
            begin
                execute format('create role %I nologin', v_role);
                execute format('comment on role %I is %L', v_role, v_about ->> v_role);
            exception
                when duplicate_object or unique_violation then
                    null;  -- another database of this cluster is being installed at the same time
                when insufficient_privilege then
                    raise exception 'role % may not create role %', current_user, v_role using
                        errcode = 'IU901',
                        hint = 'Ask an administrator to create the roles iu_approver and iu_sender.';
            end;
        end if;
        if not has_schema_privilege(v_role, 'public', 'usage') then
            execute format('grant usage on schema public to %I', v_role);
        end if;
    end loop;
end
$roles$;

create table public.iu_delivery_target_version (
    target_version int generated always as identity primary key,
    target_no int not null,
    target_name text not null,
    definition jsonb not null,
    recorded_at timestamptz not null default clock_timestamp(),
    recorded_by text not null default session_user
);
create index iu_delivery_target_version_by_target
on public.iu_delivery_target_version (target_no, target_version);
comment on table public.iu_delivery_target_version is
'Every state of every target: append-only, written by trg_iu_delivery_target. A promotion and a claim name the
version that they are about. definition has all columns but enabled, which does not make a new version.';
comment on column public.iu_delivery_target_version.definition is 'the columns of the target in this version';
comment on column public.iu_delivery_target_version.target_version is
'number of the state; promotions and claims name it';
comment on column public.iu_delivery_target_version.target_no is
'number of the target (iu_delivery_target)';

create table public.iu_delivery_target (
    target_name text primary key,
    target_no int generated always as identity,
    kind text not null,
    address text not null default '',
    secret_name text,
    timeout_seconds int not null default 10,
    lease_seconds int not null default 60,
    max_per_minute int,
    retry_seconds int[] not null default '{5,300,1800,7200,18000,36000,50400,72000,86400}',
    max_in_doubt int not null default 20,
    on_dead_letter text not null default 'park',
    at_most_once boolean not null default false,
    after_failover text not null,
    allow_private boolean not null default false,
    options jsonb not null default '{}',
    enabled boolean not null default true,
    target_version int not null references public.iu_delivery_target_version (target_version),
    constraint target_no_is_unique unique (target_no),
    constraint target_name_is_a_name check (target_name ~ '^[a-z0-9_][a-z0-9_.-]{0,99}$'),
    constraint address_is_short check (length(address) <= 1000),
    constraint secret_name_is_a_name check (secret_name ~ '^[A-Z][A-Z0-9_]{0,62}$'),
    constraint timeout_is_in_range check (timeout_seconds between 1 and 300),
    constraint lease_is_two_timeouts check (lease_seconds between 2 * timeout_seconds and 3600),
    constraint rate_is_positive check (max_per_minute between 1 and 10000000),
    constraint retries_are_in_range check (
        cardinality(retry_seconds) <= 50 and array_position(retry_seconds, null) is null
        and 1 <= all(retry_seconds) and 604800 >= all(retry_seconds)
    ),
    constraint max_in_doubt_is_in_range check (max_in_doubt between 1 and 1000),
    constraint on_dead_letter_is_known check (on_dead_letter in ('park', 'skip')),
    constraint after_failover_is_known check (after_failover in ('resume', 'hold')),
    constraint options_are_an_object check (jsonb_typeof(options) = 'object')
);
comment on table public.iu_delivery_target is
'Targets of live delivery. A route of the kind of the target, with the name of the target as target_ref, may
be promoted to it. Addresses hold no secret: secret_name is the name under which the sender finds it.';
comment on column public.iu_delivery_target.lease_seconds is
'how long a claim is valid; at least two timeouts, so that a sender has time to record the outcome';
comment on column public.iu_delivery_target.max_per_minute is 'claims in any minute; null: no limit';
comment on column public.iu_delivery_target.retry_seconds is
'seconds to wait after each failure, give or take a fifth; the failure after the last is a dead letter';
comment on column public.iu_delivery_target.max_in_doubt is
'how often a delivery may be claimed again because its outcome is unknown';
comment on column public.iu_delivery_target.on_dead_letter is
'park: the later events of the subject wait behind a dead letter; skip: they are delivered without it';
comment on column public.iu_delivery_target.at_most_once is
'whether a delivery with an unknown outcome becomes a dead letter instead of being claimed again';
comment on column public.iu_delivery_target.after_failover is
'the default is hold for a target that is at_most_once, otherwise resume. resume: go on after a change of the
timeline of the server, which may have forgotten claims; hold: wait until a person resumes the target';
comment on column public.iu_delivery_target.allow_private is
'whether the address may be loopback, private or link-local; only an approver may set it';
comment on column public.iu_delivery_target.target_name is 'name of the target: the target_ref of its routes';
comment on column public.iu_delivery_target.target_no is
'number that stands for the target in the record; it is never given twice';
comment on column public.iu_delivery_target.kind is
'what the sender does: webhook, postgres, dagster_job and others (fn_iu_target_kinds), or a kind of others';
comment on column public.iu_delivery_target.address is
'URL or other address, without a secret; empty for a kind without one';
comment on column public.iu_delivery_target.secret_name is
'name under which the sender finds the secret; null: none';
comment on column public.iu_delivery_target.timeout_seconds is 'how long the sender waits for an answer';
comment on column public.iu_delivery_target.options is 'options of the kind, by name';
comment on column public.iu_delivery_target.enabled is
'whether deliveries are claimed; no version is made if it changes';
comment on column public.iu_delivery_target.target_version is 'the newest version of the definition';

create table public.iu_delivery_target_state (
    target_no int primary key references public.iu_delivery_target (target_no),
    breaker text not null default 'closed',
    failures int not null default 0,
    half_open_failures int not null default 0,
    retry_at timestamptz,
    paused boolean not null default false,
    tokens double precision not null default 'infinity',
    refilled_at timestamptz not null default clock_timestamp(),
    timeline text not null default '',
    failover_hold boolean not null default false,
    last_route_no int not null default 0,
    last_ledger_hash bytea not null default '\x',
    constraint breaker_is_known check (breaker in ('closed', 'open', 'half_open'))
) with (fillfactor = 50);
comment on table public.iu_delivery_target_state is
'The breaker, the token bucket and the end of the ledger of each target. Claims, outcomes and decisions of a
target lock its row, so they are serialized.';
comment on column public.iu_delivery_target_state.failures is 'failures since the last success';
comment on column public.iu_delivery_target_state.retry_at is
'when an open breaker lets one delivery through';
comment on column public.iu_delivery_target_state.last_route_no is
'the last route of the last claim that did not look at all routes: the next one begins after it';
comment on column public.iu_delivery_target_state.timeline is
'timeline of the server at the last claim, as in the names of WAL files';
comment on column public.iu_delivery_target_state.breaker is
'closed: deliveries are claimed; open: none until retry_at; half_open: one is let through';
comment on column public.iu_delivery_target_state.half_open_failures is
'failures of the one delivery that a half-open breaker lets through; ten demote the routes';
comment on column public.iu_delivery_target_state.paused is 'whether a person paused the target';
comment on column public.iu_delivery_target_state.tokens is
'tokens in the bucket at refilled_at (fn_iu_target_tokens); infinity without a limit';
comment on column public.iu_delivery_target_state.refilled_at is 'when tokens was computed';
comment on column public.iu_delivery_target_state.failover_hold is
'whether the target waits for a person after a failover';
comment on column public.iu_delivery_target_state.last_ledger_hash is
'row_hash of the newest row of the ledger of the target';

create table public.iu_delivery_target_history (
    change_no bigint generated always as identity primary key,
    target_no int not null,
    target_name text not null,
    change text not null,
    old_value jsonb,
    new_value jsonb,
    reason text,
    changed_by text not null default session_user,
    changed_at timestamptz not null default clock_timestamp(),
    constraint change_is_known check (
        change in (
            'added', 'changed', 'removed', 'enabled', 'disabled', 'paused', 'resumed', 'granted', 'revoked'
        )
    )
);
create index iu_delivery_target_history_by_target
on public.iu_delivery_target_history (target_no, change_no);
comment on table public.iu_delivery_target_history is
'Every change of a target, of its pause and of its senders, however it was made: append-only, with who, when
and why. old_value and new_value have the columns that differ; reason is null if none was given.';
comment on column public.iu_delivery_target_history.change is 'what was done';

create table public.iu_delivery_target_sender (
    target_no int not null references public.iu_delivery_target (target_no) on delete cascade,
    login text not null,
    granted_at timestamptz not null default clock_timestamp(),
    granted_by text not null default session_user,
    constraint iu_delivery_target_sender_pkey primary key (target_no, login)
);
comment on table public.iu_delivery_target_sender is
'The logins that may claim and record deliveries of a target; each must be a member of iu_sender as well.';
comment on column public.iu_delivery_target_sender.login is
'role that may log in and is a member of iu_sender';

create table public.iu_delivery_target_test (
    test_no bigint generated always as identity primary key,
    target_no int not null,
    target_version int not null,
    passed boolean not null,
    status_class text not null,
    tested_at timestamptz not null default clock_timestamp(),
    tested_by text not null default session_user
);
create index iu_delivery_target_test_by_version
on public.iu_delivery_target_test (target_version, test_no);
comment on table public.iu_delivery_target_test is
'Tests of targets with a synthetic body: append-only. status_class is 2xx, 4xx, timeout and the like.';
comment on column public.iu_delivery_target_test.passed is 'whether the target accepted the body';
comment on column public.iu_delivery_target_test.status_class is
'class of the answer, such as 2xx, 4xx or timeout';

create table public.iu_delivery_shard (
    target_no int not null references public.iu_delivery_target (target_no) on delete cascade,
    shard smallint not null,
    owner text,
    epoch bigint not null default 0,
    lease_until timestamptz,
    constraint iu_delivery_shard_pkey primary key (target_no, shard),
    constraint shards_are_64 check (shard between 0 and 63)
) with (fillfactor = 50);
comment on table public.iu_delivery_shard is
'Which sender owns which shard of a target. A shard is a hash of the subject; senders lease shards, and more
senders move the ownership, not the events. epoch counts the changes of the owner.';
comment on column public.iu_delivery_shard.shard is 'hash of a subject, 0 to 63';
comment on column public.iu_delivery_shard.owner is 'name of the sender that owns the shard; null: nobody';
comment on column public.iu_delivery_shard.epoch is 'how often the owner changed';
comment on column public.iu_delivery_shard.lease_until is 'until when the owner has the shard';

select public.fn_iu_step_record(
    'iu-delivery', '010_targets',
    '6de409017cd2c47d0c5440e7c895f2cdbcf00dd9cf8bdf2e3fbadb6a08f3fb0e'
);
