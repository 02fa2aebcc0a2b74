-- 050: worker cursors, batches, the audit of attempts, dead letters, and the history of retention.
select public.fn_iu_step_require('iu-core', '040_routes');

create table public.iu_route_worker_cursor (
    worker_name text primary key,
    worker_no int not null references public.iu_audit_name (name_no),
    event_domain text not null default 'iu',
    cursor_event_id uuid,
    cursor_created_at timestamptz,
    consumed_snapshot pg_snapshot,
    window_snapshot pg_snapshot,
    window_start_seq bigint not null default 0,
    window_late_xids xid8[] not null default '{}',
    position_seq bigint not null default 0,
    read_seq bigint not null default 0,
    mark_xid xid8,
    mark_seq bigint not null default 0,
    own_xid xid8,
    own_position_seq bigint not null default 0,
    anchor_no bigint not null default 0,
    anchor_key uuid,
    anchored_seq bigint not null default 0,
    last_batch_hash bytea not null default '\x',
    last_progress_at timestamptz,
    last_run_at timestamptz,
    last_run_summary jsonb,
    constraint worker_name_is_a_name check (length(worker_name) <= 100 and worker_name ~ '^[A-Za-z0-9_.:-]+$')
);
comment on table public.iu_route_worker_cursor is
'The durable cursor of each worker. All events that consumed_snapshot shows are consumed. The window is what
window_snapshot shows in addition; position_seq is how far it has been read. Moved only by
fn_iu_route_worker_run and fn_iu_route_worker_seek.';
comment on column public.iu_route_worker_cursor.consumed_snapshot is
'null: nothing has been consumed';
comment on column public.iu_route_worker_cursor.window_snapshot is 'null: no window is open';
comment on column public.iu_route_worker_cursor.window_start_seq is
'lower bound: events of transactions that consumed_snapshot counts as future have no lower event_seq';
comment on column public.iu_route_worker_cursor.read_seq is 'highest event_seq read so far';
comment on column public.iu_route_worker_cursor.mark_xid is
'id that a run got after mark_seq was drawn: transactions with later ids draw higher numbers';
comment on column public.iu_route_worker_cursor.window_late_xids is
'transactions with events in the window that were open in consumed_snapshot';
comment on column public.iu_route_worker_cursor.own_xid is
'transaction of the last run that read its own events, or of the last seek; own_position_seq is how far its
own events count as read';
comment on column public.iu_route_worker_cursor.anchor_no is
'anchor of the outbox (event_outbox_cluster) when the snapshots were taken; 0: none';
comment on column public.iu_route_worker_cursor.anchor_key is
'anchor_key of that anchor; another outbox may have an anchor with the same number';
comment on column public.iu_route_worker_cursor.anchored_seq is
'a seek skipped unread events up to this event_seq: they need no attempt';
comment on column public.iu_route_worker_cursor.last_batch_hash is
'batch_hash of the worker''s newest batch';

create table public.iu_route_worker_seek (
    seek_no bigint generated always as identity primary key,
    worker_name text not null,
    position text not null,
    from_event_id uuid,
    to_event_id uuid,
    reason text not null,
    sought_at timestamptz not null default clock_timestamp(),
    sought_by text not null default session_user
);
comment on table public.iu_route_worker_seek is
'Every change of a cursor''s position by fn_iu_route_worker_seek: append-only.';

create table public.iu_route_batch (
    batch_id bigint generated always as identity primary key,
    worker_name text not null,
    event_domain text not null,
    run_ref text,
    started_at timestamptz not null,
    finished_at timestamptz not null,
    seen int not null,
    attempts_written int not null,
    dry_run int not null,
    skipped int not null,
    failed int not null,
    dead_lettered int not null,
    first_event_seq bigint not null,
    last_event_seq bigint not null,
    last_attempt_id bigint,
    previous_hash bytea not null,
    batch_hash bytea not null,
    constraint attempts_are_dry_run_skipped_or_failed check (attempts_written >= dry_run + skipped + failed)
);
create index iu_route_batch_by_worker on public.iu_route_batch (worker_name, batch_id);
create index iu_route_batch_by_run
on public.iu_route_batch (run_ref, last_attempt_id) where run_ref is not null;
create index iu_route_batch_by_last_attempt on public.iu_route_batch (last_attempt_id);
create index iu_route_batch_by_worker_and_last_attempt
on public.iu_route_batch (worker_name, last_attempt_id);
comment on table public.iu_route_batch is
'One row for each run of a worker that read events: append-only. run_ref is the run id of the orchestrator.
batch_hash is the sha256 of the row and of the worker''s previous batch_hash (fn_iu_batch_hash).';
comment on column public.iu_route_batch.last_attempt_id is
'upper bound of attempt_id in the batch, below every attempt of the worker''s later batches; null if the batch
wrote no attempt';

create type public.iu_attempts_request as (
    restored_seq bigint,
    batch_limit int,
    with_own boolean,
    leave_known boolean,
    failure text
);
comment on type public.iu_attempts_request is
'Arguments of fn_iu_window_claim, fn_iu_attempts_write and their callers.';
comment on column public.iu_attempts_request.restored_seq is
'events up to this event_seq came with a restore: their transaction ids are of another cluster';
comment on column public.iu_attempts_request.batch_limit is 'largest number of events to read';
comment on column public.iu_attempts_request.with_own is
'whether to read the events of the own transaction too';
comment on column public.iu_attempts_request.leave_known is
'whether to skip attempts that exist (a re-claim); if false, one raises unique_violation';
comment on column public.iu_attempts_request.failure is
'error to record for every attempt; null: decide each attempt';

create type public.iu_attempt as (
    attempt_id bigint,
    batch_id bigint,
    worker_name text,
    event_id uuid,
    route_code text,
    idempotency_key text,
    attempt_no int,
    status text,
    decision text,
    delivered boolean,
    target_kind text,
    target_ref text,
    error_code text,
    error_detail text,
    created_at timestamptz,
    run_ref text
);
comment on type public.iu_attempt is
'An attempt with the columns of the view iu_route_attempt; returned by the functions fn_iu_attempts_….';

create table public.iu_route_attempt_log (
    attempt_id bigint generated always as identity,
    batch_id bigint,
    created_at timestamptz not null default clock_timestamp(),
    event_id uuid not null,
    worker_no int not null,
    route_no int not null default 0,
    route_version int not null default 0,
    attempt_no int not null default 1,
    decision text not null,
    error_code text,
    error_detail text,
    idempotency_key text,
    run_ref text,
    constraint decision_is_known check (decision in ('dry_run', 'skipped', 'failed', 'sent')),
    constraint error_goes_with_failure check ((decision = 'failed') = (error_code is not null)),
    constraint each_try_is_made_once primary key (event_id, worker_no, route_no, attempt_no),
    constraint replay_carries_its_key check ((attempt_no > 1) = (idempotency_key is not null))
) with (fillfactor = 100);
create index replays_by_worker
on public.iu_route_attempt_log (worker_no, attempt_id) where attempt_no > 1;
create index replays_by_run
on public.iu_route_attempt_log (run_ref, attempt_id) where attempt_no > 1;
create index failed_attempts_by_batch
on public.iu_route_attempt_log (batch_id) where decision = 'failed';
create index iu_route_attempt_log_by_batch
on public.iu_route_attempt_log using brin (batch_id) with (pages_per_range = 16, autosummarize = on);
comment on table public.iu_route_attempt_log is
'The audit: one narrow append-only row for each attempt of an (event, route). Read it through the view
iu_route_attempt or the functions fn_iu_attempts_…. worker_no and route_no refer to iu_audit_name (route 0:
no route), route_version to iu_outbound_route_version. The idempotency key of a first attempt is (event,
worker, route); a replay stores the key of its dead letter, and there is at most one letter for each
(event, worker, route).';

create table public.iu_route_attempt_tally (
    tally_key text primary key,
    attempts bigint not null default 0,
    failed bigint not null default 0,
    sent bigint not null default 0
) with (fillfactor = 50);
comment on table public.iu_route_attempt_tally is
'Running counts of iu_route_attempt_log: one row for each worker, under its name, and several for replays
(replay/N, which is no valid worker name), so that concurrent replays rarely wait for each other. The sums
are exact.';

create table public.iu_route_dead_letter (
    dead_letter_id uuid primary key default gen_random_uuid(),
    event_id uuid not null,
    worker_name text not null default 'iu_outbound_default',
    route_code text,
    idempotency_key text not null unique,
    event_snapshot jsonb not null default '{}',
    failure_code text not null default 'worker_process_error',
    failure_detail text,
    attempts int not null default 1,
    resolution text,
    resolved_at timestamptz,
    resolved_by text,
    resolution_reason text,
    next_replay_at timestamptz default clock_timestamp(),
    created_at timestamptz not null default clock_timestamp(),
    constraint resolution_is_known check (resolution in ('replayed', 'discarded')),
    constraint resolved_at_goes_with_resolution check ((resolution is null) = (resolved_at is null)),
    constraint attempts_begin_at_one check (attempts >= 1)
);
create index iu_route_dead_letter_open
on public.iu_route_dead_letter (next_replay_at, dead_letter_id) where resolution is null;
create unique index one_letter_for_each_event_worker_and_route
on public.iu_route_dead_letter (event_id, worker_name, coalesce(route_code, '-'));
comment on table public.iu_route_dead_letter is
'Dead letters: one for each (event, worker, route) that failed, with references only. A letter is open while
resolution is null; fn_iu_route_dead_letter_replay and fn_iu_route_dead_letter_discard resolve it.';
comment on column public.iu_route_dead_letter.next_replay_at is
'when an open letter is due; every failed replay moves it further';

create table public.iu_retention_history (
    retention_no bigint generated always as identity primary key,
    event_domain text not null,
    from_seq bigint not null,
    to_seq bigint not null,
    events int not null,
    attempts bigint not null,
    oldest_at timestamptz not null,
    newest_at timestamptz not null,
    events_hash bytea not null,
    retention_days int not null,
    reason text not null,
    dropped_at timestamptz not null default clock_timestamp(),
    dropped_by text not null default session_user,
    dropped_xid xid8 not null default pg_current_xact_id(),
    constraint a_round_drops_something check (events > 0 and from_seq <= to_seq)
);
create index iu_retention_history_by_domain on public.iu_retention_history (event_domain, to_seq);
create index iu_retention_history_by_xid on public.iu_retention_history (dropped_xid);
comment on table public.iu_retention_history is
'Every round of retention: append-only, written by fn_iu_retention_run before it deletes anything. A round
deletes consumed events of the domain from from_seq to to_seq that are old enough, and their first attempts;
batches, dead letters and replays stay. events_hash is the sha256 of the deleted event ids, 16 bytes each,
in the order of event_seq.';

select public.fn_iu_step_record(
    'iu-core', '050_worker',
    '2e1bc73f55b0359e7e4ff90cb3fed2dde8d45f4be2a7aa0af87ae53946e9a754'
);
