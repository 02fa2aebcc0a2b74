-- 040: frozen plans of replays, discards and drains.
select public.fn_iu_step_require('iu-delivery', '030_queue');

create table public.iu_delivery_plan (
    plan_no int generated always as identity primary key,
    plan_hash bytea not null,
    kind text not null,
    filter jsonb not null,
    reason text not null,
    target_no int,
    entries int not null,
    created_at timestamptz not null default clock_timestamp(),
    created_by text not null default session_user,
    constraint kind_is_known check (kind in ('replay', 'discard', 'drain')),
    constraint plan_hash_is_a_sha256 check (length(plan_hash) = 32),
    constraint a_plan_names_something check (entries > 0),
    constraint a_drain_has_one_target check ((kind = 'drain') = (target_no is not null))
);
create index iu_delivery_plan_by_hash on public.iu_delivery_plan (plan_hash, plan_no);
comment on table public.iu_delivery_plan is
'Frozen plans: append-only, written by fn_iu_delivery_plan_make. A plan names deliveries by their ids; what
arrives later is not in it. Two plans with the same plan_hash have the same content.';
comment on column public.iu_delivery_plan.plan_hash is
'sha256 of the kind, the filter, the reason and the ids of the entries in their order';
comment on column public.iu_delivery_plan.target_no is 'the target of a drain';
comment on column public.iu_delivery_plan.kind is 'replay, discard or drain';
comment on column public.iu_delivery_plan.filter is 'what was asked for, as it was given';
comment on column public.iu_delivery_plan.entries is 'number of deliveries that it names';

create table public.iu_delivery_plan_entry (
    plan_no int not null,
    entry_no int not null,
    route_no int not null,
    event_seq bigint not null,
    event_id uuid not null,
    constraint iu_delivery_plan_entry_pkey primary key (plan_no, entry_no)
);
create unique index an_event_is_named_once
on public.iu_delivery_plan_entry (plan_no, route_no, event_seq);
comment on table public.iu_delivery_plan_entry is
'The deliveries that a plan names: append-only. A drain has them in the order of subject_no, the other kinds
in the order of routes and then of subject_no.';
comment on column public.iu_delivery_plan_entry.entry_no is 'place in the order of execution, from 1';

create table public.iu_delivery_plan_state (
    plan_no int primary key references public.iu_delivery_plan (plan_no),
    next_no int not null default 1,
    low_no int not null default 0,
    done int not null default 0,
    changed int not null default 0
) with (fillfactor = 50);
comment on table public.iu_delivery_plan_state is 'How far each plan is executed.';
comment on column public.iu_delivery_plan_state.next_no is
'the next entry to execute; of a drain the place from which the next claim goes round';
comment on column public.iu_delivery_plan_state.low_no is
'of a drain: no subject up to this place has deliveries left';
comment on column public.iu_delivery_plan_state.done is 'entries that were executed';
comment on column public.iu_delivery_plan_state.changed is
'entries that were left out, because their delivery had changed';

create table public.iu_delivery_plan_subject (
    plan_no int not null,
    place int not null,
    route_no int not null,
    subject uuid not null,
    shard smallint not null,
    last_seq bigint not null,
    constraint iu_delivery_plan_subject_pkey primary key (plan_no, place)
);
comment on table public.iu_delivery_plan_subject is
'The subjects of a drain that may have deliveries left, in the order of their first entries. Of each only the
head can be claimed, so that a claim reads subjects, not entries. last_seq is its last entry.';
comment on column public.iu_delivery_plan_subject.place is 'place in the order of the drain';
comment on column public.iu_delivery_plan_subject.last_seq is 'event_seq of the last entry of the subject';

select public.fn_iu_step_record(
    'iu-delivery', '040_plans',
    '7e4cb3c2ae8b813dab8dcbe966e0e20d0446b5708b77b791b558018ddd8353eb'
);
