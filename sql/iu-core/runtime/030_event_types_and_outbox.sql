-- 030: which events there are, the shared stream that holds them, and its anchors.
select public.fn_iu_step_require('iu-core', '020_gates');

create table public.event_type_registry (
    event_type text primary key,
    event_domain text not null default 'iu',
    event_stream text not null,
    delivery_lane text not null,
    payload_classification text not null default 'safe_metadata',
    event_subject_table text not null default 'information_unit',
    payload_keys text[],
    enabled boolean not null default true,
    constraint event_type_is_a_name check (event_type ~ '^[a-z][a-z0-9_.]{0,62}$'),
    constraint payload_keys_hold_no_null check (array_position(payload_keys, null) is null)
);
comment on table public.event_type_registry is
'Which event types may be emitted, and what is the same for every event of the type. payload_keys:
the keys that a payload may have at its top level, whatever their names; null allows every key that
is not forbidden.';

create table public.event_outbox (
    emitted_xid xid8 not null default pg_current_xact_id(),
    event_seq bigint generated always as identity,
    created_at timestamptz not null default clock_timestamp(),
    event_id uuid not null,
    event_type text not null,
    event_domain text not null,
    event_subject_ref uuid,
    event_stream text,
    delivery_lane text,
    canonical_address text,
    event_subject_table text,
    actor_ref text,
    payload_classification text not null default 'safe_metadata',
    safe_payload jsonb not null default '{}',
    constraint event_outbox_pkey primary key (event_id),
    constraint safe_payload_is_an_object check (jsonb_typeof(safe_payload) = 'object')
);
create index event_outbox_by_seq on public.event_outbox (event_domain, event_seq, emitted_xid);
-- The collation of its own tells the two indexes apart: a query names the one that it needs (decision 011).
create index event_outbox_by_xid on public.event_outbox (event_domain collate "POSIX", emitted_xid, event_seq);
comment on table public.event_outbox is
'The shared, append-only stream of events of all domains: references and counts only, never a body,
secret or vector. Written by fn_iu_emit_event and fn_iu_emit_events alone; update, delete and
truncate raise IU203.';
comment on column public.event_outbox.event_id is
'UUIDv7: ids grow with time, so indexes grow at their right edge';
comment on column public.event_outbox.event_seq is
'order of emission; drawn before the commit, so never a cursor by itself. Drawn after emitted_xid,
for defaults are taken in the order of the columns: a transaction that gets its id later than another
event got its number draws a higher one';
comment on column public.event_outbox.emitted_xid is
'top-level transaction that emitted the event; tells whether a snapshot shows it';

create table public.event_outbox_cluster (
    anchor_no bigint generated always as identity primary key,
    anchor_key uuid not null default gen_random_uuid(),
    system_identifier bigint not null,
    outbox_oid oid not null default 'public.event_outbox'::regclass::oid,
    written_xid xid,
    restored_seq bigint not null,
    anchored_at timestamptz not null default clock_timestamp(),
    anchored_by text not null default session_user
);
comment on table public.event_outbox_cluster is
'The anchors of the outbox, a row for each place where it was found: a database cluster
(system_identifier) and a table in it (outbox_oid). Transaction ids mean nothing elsewhere: events up
to restored_seq came by a restore and count as visible, whatever their emitted_xid. The newest row is
the one that holds. Written by fn_iu_cluster_anchor; the table is never rewritten (see written_xid).';
comment on column public.event_outbox_cluster.anchor_key is
'tells this anchor from one of another outbox with the same number; a cursor carries both';
comment on column public.event_outbox_cluster.written_xid is
'xmin of this row as it was written. Data files keep xmin, a dump and logical replication do not: where
the two differ, this row and the outbox came by one of these';

-- One statement, and so one subtransaction under ON_ERROR_ROLLBACK too: both row versions have the same xmin.
do $anchor$
begin
    insert into public.event_outbox_cluster (system_identifier, restored_seq)
    select c.system_identifier, 0 from pg_control_system() as c;
    update public.event_outbox_cluster set written_xid = xmin;
end
$anchor$;

insert into public.event_type_registry (event_type, event_stream, delivery_lane, event_subject_table) values
('version_applied', 'update', 'immediate', 'information_unit'),
('structure_piece_split', 'update', 'immediate', 'information_unit'),
('sql_link_created', 'update', 'immediate', 'iu_sql_link');

select public.fn_iu_step_record(
    'iu-core', '030_event_types_and_outbox',
    '8e06a80d918a197be967f192253b747fb71942c95494fe6f82bb37cc0dd66f93'
);
