-- 030: the queue of deliveries, and the append-only tables of what happened to each.
select public.fn_iu_step_require('iu-delivery', '020_promotions');

create table public.iu_delivery (
    route_no int not null,
    event_seq bigint not null,
    event_id uuid not null,
    subject uuid not null,
    subject_no bigint generated always as identity,
    due_at timestamptz not null default clock_timestamp(),
    queued_at timestamptz not null default clock_timestamp(),
    claim_id bigint,
    claims int not null default 0,
    failures int not null default 0,
    doubts int not null default 0,
    promotion_no int not null,
    route_version int not null,
    target_version int not null,
    shard smallint not null,
    is_head boolean not null,
    replayed boolean not null default false,
    dead_at timestamptz,
    dead_reason text,
    constraint iu_delivery_pkey primary key (route_no, event_seq),
    constraint shards_are_64 check (shard between 0 and 63),
    constraint reason_goes_with_dead check ((dead_at is null) = (dead_reason is null))
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
-- (route_no + 0), (route_no * 1): only a query that says so uses the index, whatever the statistics are
-- (decision 011).
create unique index one_head_a_subject on public.iu_delivery ((route_no + 0), subject) where is_head;
create index iu_delivery_due on public.iu_delivery ((route_no * 1), due_at, shard)
where is_head and dead_at is null;
create index iu_delivery_dead on public.iu_delivery (route_no, event_seq) where dead_at is not null;
create index iu_delivery_waiting
on public.iu_delivery ((route_no + 0), subject, subject_no) where not is_head;
comment on table public.iu_delivery is
'Deliveries that are not settled: one row for each (route, event). Only the first delivery of a (route,
subject), its head, can be claimed. A row is deleted when the delivery is sent or discarded.';
comment on column public.iu_delivery.subject is 'event_subject_ref, or event_id if the event has none';
comment on column public.iu_delivery.subject_no is
'order of first arrival: increases within a (route, subject), with gaps';
comment on column public.iu_delivery.due_at is
'when a head may be claimed: after a retry, or the end of its lease';
comment on column public.iu_delivery.claim_id is
'the claim whose outcome is not recorded; in doubt once due_at has passed. null: not claimed';
comment on column public.iu_delivery.claims is 'number of claims; it is the fence of the newest one';
comment on column public.iu_delivery.failures is 'failures that the target caused';
comment on column public.iu_delivery.doubts is 'claims whose outcome was never recorded';
comment on column public.iu_delivery.event_seq is 'event_seq of the event in event_outbox';
comment on column public.iu_delivery.promotion_no is
'promotion of the newest claim; before the first one, that under which the event was queued';
comment on column public.iu_delivery.route_version is 'version of the route when the event was queued';
comment on column public.iu_delivery.target_version is
'version of the target at the newest claim; before the first one, when the event was queued';
comment on column public.iu_delivery.shard is 'hash of the subject, 0 to 63 (iu_delivery_shard)';
comment on column public.iu_delivery.is_head is
'whether it is the first delivery of its subject on the route, which alone can be claimed';
comment on column public.iu_delivery.replayed is 'whether it was queued again after it was dead';
comment on column public.iu_delivery.dead_at is 'when it became a dead letter; null: it is none';
comment on column public.iu_delivery.dead_reason is 'why';

create table public.iu_delivery_batch (
    batch_id bigint generated always as identity primary key,
    route_no int not null,
    promotion_no int not null,
    run_ref text,
    started_at timestamptz not null,
    finished_at timestamptz not null,
    seen int not null,
    queued int not null,
    outside_canary int not null,
    first_event_seq bigint not null,
    last_event_seq bigint not null,
    previous_hash bytea not null,
    batch_hash bytea not null
);
create index iu_delivery_batch_by_route on public.iu_delivery_batch (route_no, batch_id);
comment on table public.iu_delivery_batch is
'One row for each call of fn_iu_delivery_enqueue that read events: append-only, chained for each route.';
comment on column public.iu_delivery_batch.run_ref is
'reference to the run that made the call; null: none was given';
comment on column public.iu_delivery_batch.seen is 'events that were read';
comment on column public.iu_delivery_batch.queued is 'events that became deliveries';
comment on column public.iu_delivery_batch.outside_canary is
'events whose subjects are not in the share of the promotion';
comment on column public.iu_delivery_batch.previous_hash is 'batch_hash of the route''s batch before';
comment on column public.iu_delivery_batch.batch_hash is
'sha256 of the row and of previous_hash (fn_iu_delivery_batch_hash)';

create table public.iu_delivery_ledger (
    ledger_no bigint generated always as identity primary key,
    target_no int not null,
    kind text not null,
    target_version int,
    entries int not null,
    sender text,
    run_ref text,
    login text not null default session_user,
    lease_seconds int,
    recorded_at timestamptz not null default clock_timestamp(),
    entries_hash bytea not null,
    previous_hash bytea not null,
    row_hash bytea not null,
    constraint kind_is_known check (kind in ('claims', 'outcomes', 'decisions'))
);
create index iu_delivery_ledger_by_target on public.iu_delivery_ledger (target_no, ledger_no);
comment on table public.iu_delivery_ledger is
'One row for each call that claimed, recorded or decided deliveries of a target: append-only. entries_hash is
the sha256 of its rows in iu_delivery_claim, iu_delivery_outcome or iu_delivery_decision; row_hash chains
it.';
comment on column public.iu_delivery_ledger.entries_hash is 'sha256 of the hashes of the rows that it covers';
comment on column public.iu_delivery_ledger.kind is 'claims, outcomes or decisions';
comment on column public.iu_delivery_ledger.target_version is
'version of the target that was claimed for; null for outcomes and decisions';
comment on column public.iu_delivery_ledger.entries is 'number of claims, outcomes or decisions of the call';
comment on column public.iu_delivery_ledger.sender is
'name that the sender gave itself; null for outcomes and decisions';
comment on column public.iu_delivery_ledger.run_ref is
'reference to the run that claimed; null for outcomes and decisions, and if none was given';
comment on column public.iu_delivery_ledger.login is 'login of the session';
comment on column public.iu_delivery_ledger.lease_seconds is
'how long the claims were valid; null for outcomes and decisions';
comment on column public.iu_delivery_ledger.previous_hash is 'row_hash of the row of the target before';

create table public.iu_delivery_claim (
    claim_id bigint generated always as identity primary key,
    ledger_no bigint not null,
    event_seq bigint not null,
    event_id uuid not null,
    subject uuid not null,
    subject_no bigint not null,
    route_no int not null,
    attempt_no int not null,
    promotion_no int not null,
    body_hash bytea not null
);
create index iu_delivery_claim_by_event on public.iu_delivery_claim (event_id, route_no, attempt_no);
create index iu_delivery_claim_by_ledger on public.iu_delivery_claim
using brin (ledger_no) with (pages_per_range = 16, autosummarize = on);
comment on table public.iu_delivery_claim is
'Intents: append-only, one row for each claim, committed before anything is sent. attempt_no is the fence.
Sender, login, target version and lease are those of its row in iu_delivery_ledger.';
comment on column public.iu_delivery_claim.attempt_no is
'1 for the first claim of the delivery, then one more for each';
comment on column public.iu_delivery_claim.ledger_no is 'the call that claimed it';
comment on column public.iu_delivery_claim.event_seq is 'event_seq of the event in event_outbox';
comment on column public.iu_delivery_claim.subject_no is
'order of the delivery within its subject (iu_delivery)';
comment on column public.iu_delivery_claim.promotion_no is 'promotion that allowed the claim';
comment on column public.iu_delivery_claim.body_hash is 'sha256 of the body that was handed out';

create table public.iu_delivery_outcome (
    claim_id bigint primary key,
    ledger_no bigint not null,
    status_code smallint,
    latency_ms int,
    retry_after_seconds int,
    stale boolean not null,
    decision text not null,
    response_hash bytea,
    error_detail text,
    constraint decision_is_known check (decision in ('sent', 'retry', 'failed'))
);
create index iu_delivery_outcome_by_ledger on public.iu_delivery_outcome
using brin (ledger_no) with (pages_per_range = 16, autosummarize = on);
comment on table public.iu_delivery_outcome is
'Outcomes: append-only, at most one for each claim. stale: the delivery had been claimed again or settled, so
the queue was not changed.';
comment on column public.iu_delivery_outcome.ledger_no is 'the call that recorded it';
comment on column public.iu_delivery_outcome.status_code is
'status of the answer, such as 200; null: no answer, or none with a number';
comment on column public.iu_delivery_outcome.latency_ms is 'how long the target took';
comment on column public.iu_delivery_outcome.retry_after_seconds is
'how long the target asked to wait; null: it did not';
comment on column public.iu_delivery_outcome.decision is 'sent, retry or failed';
comment on column public.iu_delivery_outcome.response_hash is 'sha256 of the answer; null: none';
comment on column public.iu_delivery_outcome.error_detail is 'what went wrong; null: nothing';

create table public.iu_delivery_decision (
    decision_no bigint generated always as identity primary key,
    ledger_no bigint,
    route_no int not null,
    event_seq bigint not null,
    event_id uuid not null,
    decision text not null,
    reason text not null,
    decided_at timestamptz not null default clock_timestamp(),
    decided_by text not null default session_user,
    constraint decision_is_known check (
        decision in ('outside_canary', 'dead', 'replayed', 'discarded', 'repaired', 'made_due')
    )
);
create index iu_delivery_decision_by_event
on public.iu_delivery_decision (route_no, event_seq, decision_no);
create index iu_delivery_decision_by_ledger on public.iu_delivery_decision
using brin (ledger_no) with (pages_per_range = 16, autosummarize = on);
comment on table public.iu_delivery_decision is
'What happened to deliveries besides claims and outcomes: append-only. outside_canary was decided when the
event was read (iu_delivery_batch has the chain); the others are chained by the ledger. repaired: the delivery
became the head of a subject that had none. made_due: a person made its retry due before its time.';
comment on column public.iu_delivery_decision.ledger_no is
'the call that decided it; null for outside_canary';
comment on column public.iu_delivery_decision.decision is
'outside_canary, dead, replayed, discarded, repaired or made_due';

create table public.iu_delivery_retention_history (
    retention_no bigint generated always as identity primary key,
    target_no int,
    route_no int,
    through_no bigint not null,
    through_hash bytea not null,
    ledger_rows int not null default 0,
    claims int not null default 0,
    outcomes int not null default 0,
    decisions int not null default 0,
    batches int not null default 0,
    rows_hash bytea not null,
    retention_days int not null,
    reason text not null,
    dropped_at timestamptz not null default clock_timestamp(),
    dropped_by text not null default session_user,
    dropped_xid xid8 not null default pg_current_xact_id(),
    constraint a_round_is_about_one_chain check ((target_no is null) <> (route_no is null)),
    constraint a_round_drops_something check (ledger_rows + decisions + batches > 0)
);
create index iu_delivery_retention_history_by_target
on public.iu_delivery_retention_history (target_no, retention_no) where target_no is not null;
create index iu_delivery_retention_history_by_route
on public.iu_delivery_retention_history (route_no, retention_no) where route_no is not null;
create index iu_delivery_retention_history_by_xid on public.iu_delivery_retention_history (dropped_xid);
comment on table public.iu_delivery_retention_history is
'Every round of fn_iu_delivery_retention_run: append-only, written before anything is deleted. One row for the
ledger of a target, with its claims, outcomes and decisions, or for the batches of a route.';
comment on column public.iu_delivery_retention_history.ledger_rows is 'rows of the ledger that are deleted';
comment on column public.iu_delivery_retention_history.through_no is
'the last ledger_no, or the last batch_id, that is deleted';
comment on column public.iu_delivery_retention_history.through_hash is
'its row_hash, or its batch_hash: the next row of the chain has it as previous_hash';
comment on column public.iu_delivery_retention_history.rows_hash is
'sha256 of the hashes of the deleted rows of the chain, 32 bytes each, in their order';
comment on column public.iu_delivery_retention_history.target_no is
'target whose ledger it was; null: batches of a route';
comment on column public.iu_delivery_retention_history.route_no is
'route whose batches they were; null: a ledger';
comment on column public.iu_delivery_retention_history.retention_days is
'the setting iu_core.retention_days of that time';

create type public.iu_delivery_report as (
    claim_id bigint,
    fence int,
    decision text,
    status_code int,
    latency_ms int,
    retry_after_seconds int,
    response_hash bytea,
    error_detail text,
    local_fault boolean,
    route_no int,
    event_seq bigint,
    subject uuid,
    promotion_no int,
    is_known boolean,
    is_current boolean
);
comment on type public.iu_delivery_report is
'An outcome given to fn_iu_delivery_record, with the facts of its claim. is_known: an outcome of the claim was
recorded before. is_current: the delivery has not been claimed again or settled.';
comment on column public.iu_delivery_report.claim_id is 'the claim whose outcome it is';
comment on column public.iu_delivery_report.fence is 'attempt_no of the claim';
comment on column public.iu_delivery_report.local_fault is
'the sender, not the target, failed: no failure of the target is counted';

select public.fn_iu_step_record(
    'iu-delivery', '030_queue',
    '7a842c9f8850b004e3de3aa1894d66604f3932242a091844bfd8458228da577f'
);
