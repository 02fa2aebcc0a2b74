-- 030: the registry of event types, the outbox, and its anchors.
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
'The event types that may be emitted, and the columns that are equal for every event of a type. payload_keys
lists the keys allowed at the top level of a payload, whatever their names; null allows every key that is
not forbidden.';

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
-- Its collation differs from the column's, so that a query chooses between the two indexes (decision 011).
create index event_outbox_by_xid
on public.event_outbox (event_domain collate "POSIX", emitted_xid, event_seq);
comment on table public.event_outbox is
'Append-only stream of the events of all domains: references and counts only, never a body, secret or
vector. Written only by fn_iu_emit_event and fn_iu_emit_events; update, delete and truncate raise IU203.';
comment on column public.event_outbox.event_id is
'UUIDv7: ids ascend with time, so new index entries go to the rightmost page';
comment on column public.event_outbox.event_seq is
'order of emission. Drawn before the commit, so it is no cursor by itself. Drawn after emitted_xid, because
defaults are evaluated in column order: a transaction whose id was assigned after an event got its number
draws a higher number';
comment on column public.event_outbox.emitted_xid is
'id of the top-level transaction that emitted the event; decides whether a snapshot shows it';

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
'Anchors of the outbox: one row for each database cluster (system_identifier) and table (outbox_oid) in which
it was found. Transaction ids are valid only there: events up to restored_seq came with a restore and count
as visible, whatever their emitted_xid. The newest row is in force. Written by fn_iu_cluster_anchor; the
table must not be rewritten (see written_xid).';
comment on column public.event_outbox_cluster.anchor_key is
'distinguishes this anchor from one of another outbox with the same number; a cursor stores both';
comment on column public.event_outbox_cluster.written_xid is
'xmin of this row when it was written. A copy of the data files keeps xmin; a dump and logical replication
do not: if the two differ, the row and the outbox were copied by one of these';

-- One statement: under ON_ERROR_ROLLBACK two would be two subtransactions, with different xmins.
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
    '72e2d5c3f8e29c2d5c8e63d23b8c3aeb6b173bbd6dfdcd551d5ddedd3169820e'
);
