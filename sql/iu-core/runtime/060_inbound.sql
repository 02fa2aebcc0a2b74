-- 060: units, versions and links (the subjects of events), and inbound routes from their tables.
select public.fn_iu_step_require('iu-core', '050_worker');

create table public.information_unit (
    unit_id uuid primary key default gen_random_uuid(),
    canonical_address text not null unique,
    unit_kind text not null default 'document',
    created_at timestamptz not null default clock_timestamp(),
    constraint canonical_address_is_printable check (
        length(canonical_address) between 1 and 1000 and canonical_address !~ '^\s|\s$|[[:cntrl:]]'
    )
);
comment on table public.information_unit is
'Units of information, each identified by its canonical address: the subjects of events.';

create table public.unit_version (
    unit_id uuid not null references public.information_unit (unit_id),
    version_seq bigint not null,
    version_ref text not null default '',
    version_facts jsonb not null default '{}',
    actor_ref text not null default session_user,
    created_at timestamptz not null default clock_timestamp(),
    constraint unit_version_pkey primary key (unit_id, version_seq),
    constraint version_seq_begins_at_one check (version_seq >= 1),
    constraint version_ref_is_short check (length(version_ref) <= 200),
    constraint actor_ref_is_short check (length(actor_ref) between 1 and 200)
);
create unique index version_ref_is_known_once
on public.unit_version (unit_id, version_ref) where version_ref <> '';
comment on table public.unit_version is
'Versions of units, by reference: version_ref identifies the version where it is stored (for example a commit
id), version_facts holds counts. Every version after the first emits version_applied
(trg_iu_unit_version_out).';

create table public.iu_sql_link (
    link_id uuid primary key default gen_random_uuid(),
    unit_id uuid references public.information_unit (unit_id),
    sql_object_ref text not null,
    link_kind text not null default 'describes',
    actor_ref text not null default session_user,
    created_at timestamptz not null default clock_timestamp(),
    constraint sql_object_ref_is_printable check (
        length(sql_object_ref) between 1 and 1000 and sql_object_ref !~ '^\s|\s$|[[:cntrl:]]'
    )
);
create index iu_sql_link_by_unit on public.iu_sql_link (unit_id);
comment on table public.iu_sql_link is
'Links from units to database objects: the source table of the inbound route iu_sql.iu_sql_link.insert.';

create table public.iu_inbound_route (
    route_code text primary key,
    source_table text not null,
    source_op text not null,
    target_event_type text not null references public.event_type_registry (event_type),
    enabled boolean not null default false,
    dry_run boolean not null default true,
    constraint source_op_is_known check (source_op in ('insert', 'update', 'delete')),
    constraint one_route_a_source_and_type unique (source_table, source_op, target_event_type)
);
comment on table public.iu_inbound_route is
'Routes from table changes to event types. A disabled route does nothing; a dry-run route records the change;
any other records it and emits an event.';

create table public.iu_inbound_capture (
    capture_id bigint generated always as identity primary key,
    route_code text not null,
    source_table text not null,
    source_op text not null,
    source_ref uuid not null,
    decision text not null,
    event_id uuid,
    captured_at timestamptz not null default clock_timestamp(),
    constraint decision_is_known check (decision in ('dry_run', 'emitted')),
    constraint event_goes_with_emitted check ((decision = 'emitted') = (event_id is not null))
);
comment on table public.iu_inbound_capture is
'Captured changes: append-only, one row for each change that an inbound route recorded. source_ref is the
primary key of the changed row.';

insert into public.iu_inbound_route (route_code, source_table, source_op, target_event_type) values
('iu_sql.iu_sql_link.insert', 'iu_sql_link', 'insert', 'sql_link_created');

select public.fn_iu_step_record(
    'iu-core', '060_inbound',
    'de95793f8ecfcce9095dc7b56014df8b5ba3cb4590f44d2f540031c3481bcf22'
);
