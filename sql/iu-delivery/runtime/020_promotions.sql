-- 020: promotions by evidence and their decisions.
select public.fn_iu_step_require('iu-delivery', '010_targets');

create table public.iu_evidence_pack (
    pack_no bigint generated always as identity primary key,
    pack_hash bytea not null,
    passed boolean not null,
    recorded_at timestamptz not null default clock_timestamp(),
    recorded_by text not null default session_user,
    previous_hash bytea not null,
    row_hash bytea not null,
    constraint chain_of_packs_does_not_fork unique (previous_hash),
    constraint pack_hash_is_a_sha256 check (length(pack_hash) = 32)
);
comment on table public.iu_evidence_pack is
'Ledger of evidence packs: the sha256 of each pack and its verdict; append-only and chained by row_hash. A
promotion needs the newest one to be recent and passed.';
comment on column public.iu_evidence_pack.pack_hash is 'sha256 of the manifest of the pack';
comment on column public.iu_evidence_pack.passed is 'whether every line of the pack passed';

create table public.iu_delivery_rehearsal (
    rehearsal_no bigint generated always as identity primary key,
    route_no int not null,
    route_version int not null,
    target_version int not null,
    configuration_hash bytea not null,
    event_id uuid not null,
    payload_kind text not null,
    body_bytes int not null,
    body_hash bytea not null,
    signature_hash bytea,
    passed boolean not null,
    error_detail text,
    rehearsed_at timestamptz not null default clock_timestamp(),
    rehearsed_by text not null default session_user
);
create index iu_delivery_rehearsal_by_route on public.iu_delivery_rehearsal (route_no, rehearsal_no);
comment on table public.iu_delivery_rehearsal is
'Rehearsals of bodies: append-only. One row for each kind of event of a route: a body was rendered, its size
was checked and it was signed as for a delivery, and nothing was sent.';
comment on column public.iu_delivery_rehearsal.route_version is 'version of the route that was rehearsed';
comment on column public.iu_delivery_rehearsal.target_version is 'version of the target that was rehearsed';
comment on column public.iu_delivery_rehearsal.passed is 'whether the body was built and signed';
comment on column public.iu_delivery_rehearsal.payload_kind is
'the payload keys of the event in order, separated by commas: events with equal keys are of one kind';
comment on column public.iu_delivery_rehearsal.configuration_hash is
'sha256 of the event type and its captures at that time';
comment on column public.iu_delivery_rehearsal.event_id is 'the event whose body was rendered';
comment on column public.iu_delivery_rehearsal.body_bytes is 'size of the body';
comment on column public.iu_delivery_rehearsal.body_hash is 'sha256 of the body';
comment on column public.iu_delivery_rehearsal.signature_hash is
'sha256 of the signature; null: none was made';
comment on column public.iu_delivery_rehearsal.error_detail is 'why it did not pass; null: it passed';

create table public.iu_promotion_threshold (
    threshold text primary key,
    value bigint not null,
    initial_value bigint not null,
    minimum bigint not null,
    maximum bigint not null,
    description text not null,
    constraint value_is_in_range check (value between minimum and maximum)
);
comment on table public.iu_promotion_threshold is
'What a proposal must show. A value is changed by two people only (iu_promotion_threshold_change).';
comment on column public.iu_promotion_threshold.value is 'value in force';
comment on column public.iu_promotion_threshold.minimum is 'lowest value that may be proposed';
comment on column public.iu_promotion_threshold.maximum is 'highest value that may be proposed';
comment on column public.iu_promotion_threshold.description is 'what is counted, and its unit';
comment on column public.iu_promotion_threshold.threshold is
'name of the threshold, which is the name of its rule';
comment on column public.iu_promotion_threshold.initial_value is 'value after the installation';

create table public.iu_promotion_threshold_change (
    change_no int generated always as identity primary key,
    threshold text not null references public.iu_promotion_threshold (threshold),
    old_value bigint not null,
    new_value bigint not null,
    reason text not null,
    proposed_at timestamptz not null default clock_timestamp(),
    proposed_by text not null default session_user,
    previous_hash bytea not null,
    row_hash bytea not null,
    constraint chain_of_changes_does_not_fork unique (previous_hash)
);
comment on table public.iu_promotion_threshold_change is
'Proposed changes of thresholds: append-only and chained by row_hash. In force when another login has approved
it.';
comment on column public.iu_promotion_threshold_change.old_value is
'value when the change was proposed; approval needs it to be unchanged';

create table public.iu_promotion_threshold_decision (
    decision_no int generated always as identity primary key,
    change_no int not null references public.iu_promotion_threshold_change (change_no),
    decision text not null,
    reason text not null,
    proposed_by text not null,
    decided_at timestamptz not null default clock_timestamp(),
    decided_by text not null default session_user,
    previous_hash bytea not null,
    row_hash bytea not null,
    constraint a_change_is_decided_once unique (change_no),
    constraint chain_of_threshold_decisions_does_not_fork unique (previous_hash),
    constraint decision_is_known check (decision in ('approve', 'reject')),
    constraint two_people check (decision <> 'approve' or decided_by <> proposed_by)
);
comment on table public.iu_promotion_threshold_decision is
'Decisions on changes of thresholds: append-only and chained by row_hash.';
comment on column public.iu_promotion_threshold_decision.decision is 'approve or reject';
comment on column public.iu_promotion_threshold_decision.proposed_by is
'login that proposed the change, so that a constraint can compare the two';

create table public.iu_route_promotion (
    promotion_no int generated always as identity primary key,
    route_no int not null references public.iu_audit_name (name_no),
    route_code text not null,
    route_version int not null,
    target_no int not null,
    target_version int not null,
    configuration_hash bytea not null,
    share numeric(6, 5) not null,
    max_per_minute int,
    max_failure_share numeric(6, 5) not null,
    valid_for interval not null,
    deployment text not null,
    system_identifier bigint not null,
    anchor_key uuid not null,
    queued text not null,
    queued_count bigint not null default 0,
    queued_hash bytea not null default '\x',
    start_position text not null default 'latest',
    evidence jsonb not null,
    reason text not null,
    proposed_at timestamptz not null default clock_timestamp(),
    proposed_by text not null default session_user,
    previous_hash bytea not null,
    row_hash bytea not null,
    constraint chain_of_promotions_does_not_fork unique (previous_hash),
    constraint share_is_a_share check (share > 0 and share <= 1),
    constraint max_failure_share_is_a_share check (max_failure_share between 0 and 1),
    constraint rate_is_positive check (max_per_minute between 1 and 10000000),
    constraint a_promotion_expires check (valid_for > '0' and valid_for <= '30 days'),
    constraint queued_is_known check (queued in ('deliver', 'discard')),
    constraint deployment_is_named check (length(deployment) between 1 and 100)
);
create index iu_route_promotion_by_route on public.iu_route_promotion (route_no, promotion_no);
comment on table public.iu_route_promotion is
'Proposals to deliver the events of a route: append-only and chained by row_hash, written by
fn_iu_route_promotion_propose. In force when another login has approved it (iu_route_promotion_decision).';
comment on column public.iu_route_promotion.configuration_hash is
'sha256 of the event type and its captures (fn_iu_promotion_configuration)';
comment on column public.iu_route_promotion.share is
'share of the subjects whose events are delivered (canary)';
comment on column public.iu_route_promotion.queued is
'what approval does with deliveries that are queued: those that queued_count and queued_hash describe';
comment on column public.iu_route_promotion.start_position is
'where the cursor of a first promotion begins: latest, beginning, or an event id to continue after';
comment on column public.iu_route_promotion.evidence is
'what was counted, the thresholds at that time, the pack, the rehearsals and the test';
comment on column public.iu_route_promotion.route_version is
'version of the route that was proposed; another one ends the promotion';
comment on column public.iu_route_promotion.target_version is
'version of the target that was proposed; another one ends the promotion';
comment on column public.iu_route_promotion.max_per_minute is
'claims of the route in any minute; null: no limit of its own';
comment on column public.iu_route_promotion.max_failure_share is
'share of the last outcomes that may fail; more of them demote the route';
comment on column public.iu_route_promotion.valid_for is
'how long the promotion is in force after its approval';
comment on column public.iu_route_promotion.deployment is
'name of the deployment whose senders may deliver (IU_DEPLOYMENT)';
comment on column public.iu_route_promotion.system_identifier is 'database cluster for which it was proposed';
comment on column public.iu_route_promotion.anchor_key is 'anchor of the outbox for which it was proposed';
comment on column public.iu_route_promotion.queued_count is
'number of deliveries in the queue of the route when it was proposed';
comment on column public.iu_route_promotion.queued_hash is 'sha256 of their event_seq in order, 8 bytes each';

create table public.iu_route_promotion_decision (
    decision_no int generated always as identity primary key,
    promotion_no int not null references public.iu_route_promotion (promotion_no),
    decision text not null,
    reason text not null,
    proposed_by text not null,
    decided_at timestamptz not null default clock_timestamp(),
    decided_by text not null default session_user,
    automatic boolean not null default false,
    previous_hash bytea not null,
    row_hash bytea not null,
    constraint chain_of_decisions_does_not_fork unique (previous_hash),
    constraint decision_is_known check (decision in ('approve', 'reject', 'demote')),
    constraint two_people check (decision <> 'approve' or decided_by <> proposed_by),
    constraint only_a_demotion_is_automatic check (decision = 'demote' or not automatic)
);
create unique index a_promotion_is_decided_once
on public.iu_route_promotion_decision (promotion_no, (decision = 'demote'));
comment on table public.iu_route_promotion_decision is
'Decisions on promotions: append-only and chained by row_hash. approve and reject by another login than the
proposer''s; demote by one person, or automatic by the outcomes that a sender records.';
comment on column public.iu_route_promotion_decision.decision is 'approve, reject or demote';
comment on column public.iu_route_promotion_decision.proposed_by is
'login that proposed the promotion, so that a constraint can compare the two';
comment on column public.iu_route_promotion_decision.automatic is
'whether outcomes demoted the route, not a person';

create table public.iu_delivery_route (
    route_no int primary key references public.iu_audit_name (name_no),
    route_code text not null,
    event_type text not null,
    event_domain text not null,
    target_no int not null references public.iu_delivery_target (target_no),
    promotion_no int not null references public.iu_route_promotion (promotion_no),
    expires_at timestamptz not null,
    held_reason text,
    held_since timestamptz,
    passed_seq bigint not null default 0,
    passed_snapshot pg_snapshot,
    passed_count bigint not null default 0,
    outcomes int not null default 0,
    failed_outcomes int not null default 0,
    unanswered int not null default 0,
    unanswered_since timestamptz,
    sent bigint not null default 0,
    tokens double precision not null default 'infinity',
    refilled_at timestamptz not null default clock_timestamp(),
    due_from timestamptz not null default 'epoch',
    due_checked_at timestamptz not null default 'epoch',
    due_batch_id bigint not null default 0
) with (fillfactor = 50);
create index iu_delivery_route_by_target on public.iu_delivery_route (target_no, route_no);
comment on table public.iu_delivery_route is
'One row for each route that was ever promoted, with its newest approved promotion. The cursor of the route is
live:<route_no>.';
comment on column public.iu_delivery_route.held_reason is
'why nothing is enqueued and claimed until a new promotion is approved; null: not held';
comment on column public.iu_delivery_route.passed_seq is
'events up to this event_seq that passed_snapshot shows were passed over by the first promotion';
comment on column public.iu_delivery_route.due_from is
'no head is due earlier, so that a claim does not visit the index entries of deliveries that were settled
before; checked again a minute after due_checked_at';
comment on column public.iu_delivery_route.due_batch_id is
'the last batch that the claim which wrote due_from had seen: heads of a later one may be due from its start';
comment on column public.iu_delivery_route.outcomes is
'outcomes since the promotion; from 200 on, both counts are halved';

comment on column public.iu_delivery_route.unanswered is
'sends without an answer since unanswered_since that are no outcomes yet: they become failures if the target
accepts a delivery a second later, and nothing if the breaker opens, because then the target was away';
comment on column public.iu_delivery_route.sent is 'outcomes sent, ever';
comment on column public.iu_delivery_route.event_type is
'event type of the route, which cannot change while the row exists';
comment on column public.iu_delivery_route.promotion_no is 'the newest approved promotion';
comment on column public.iu_delivery_route.expires_at is 'when it ends';
comment on column public.iu_delivery_route.passed_snapshot is
'snapshot of the first approval; null: nothing was passed over';
comment on column public.iu_delivery_route.passed_count is 'number of events that were passed over';
comment on column public.iu_delivery_route.failed_outcomes is 'outcomes that were failures of the target';
comment on column public.iu_delivery_route.tokens is
'tokens in the bucket of the promotion at refilled_at (fn_iu_target_tokens)';
comment on column public.iu_delivery_route.due_checked_at is 'when due_from was computed';

insert into public.iu_promotion_threshold
(threshold, value, initial_value, minimum, maximum, description) values
('events', 1000, 1000, 1, 1000000000, 'distinct events with a first attempt on the route'),
('subjects', 100, 100, 1, 1000000000, 'distinct subjects of them, or all that the event type has'),
('hours', 24, 24, 0, 8760, 'hours between the first and the last of these attempts'),
('pack_hours', 24, 24, 1, 720, 'largest age of the newest evidence pack'),
('days', 30, 30, 1, 30, 'largest period of a promotion');

select public.fn_iu_step_record(
    'iu-delivery', '020_promotions',
    '1b33d5eee48c710394dfb80dffef99b040c8ad63be72c3cc6d4d52cf1127fb49'
);
