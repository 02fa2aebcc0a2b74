-- squawk-ignore-file adding-field-with-default, constraint-missing-not-valid, disallowed-unique-constraint
-- squawk-ignore-file ban-drop-constraint, ban-drop-not-null, require-concurrent-index-creation
-- 110: the history of the configuration, captures of any table, workers that are retired, and cursors of
-- live routes.
select public.fn_iu_step_require('iu-core', '060_inbound');

create table public.iu_config_history (
    change_no bigint generated always as identity primary key,
    noun text not null,
    name text not null,
    old_value jsonb,
    new_value jsonb,
    reason text,
    changed_by text not null,
    changed_at timestamptz not null default clock_timestamp(),
    constraint noun_is_known check (noun in ('event_type', 'route', 'capture', 'worker'))
);
create index iu_config_history_by_name on public.iu_config_history (noun, name, change_no);
comment on table public.iu_config_history is
'Every change of an event type, a route, a capture or a worker, however it was made: append-only, written by
triggers. old_value is null for a new one, new_value for a removed one, reason if none was given.';

alter table public.iu_inbound_route
add column condition jsonb not null default '{}',
add column subject_table text,
add column subject_columns text[],
add column address_template text,
add column payload_map jsonb not null default '{}',
add column on_error text not null default 'refuse',
add column capture_no int generated always as identity,
add constraint capture_no_is_unique unique (capture_no),
add constraint on_error_is_known check (on_error in ('refuse', 'skip_and_count')),
add constraint subject_goes_with_address check ((subject_columns is null) = (address_template is null)),
drop constraint one_route_a_source_and_type;
comment on table public.iu_inbound_route is
'Captures: routes from table changes to event types. A disabled capture does nothing; a dry-run capture
records the changes; any other records them and emits events. source_table is schema.table. A row with
subject_columns has a trigger function of its own (trg_iu_capture_define); the seeds'' route of iu_sql_link
has none, its trigger is part of the installation.';
comment on column public.iu_inbound_route.condition is
'which changes are captured, all of: {"becomes": {column: value}, "changes": [column], "equals": {column:
value}, "in": {column: [value]}, "is_null": {column: true or false}}; values are text';
comment on column public.iu_inbound_route.subject_table is
'table of the subject as schema.table, if it is another table than source_table; otherwise null';
comment on column public.iu_inbound_route.subject_columns is
'columns whose values are the key of the subject (fn_iu_subject); null: no capture of a table of a user';
comment on column public.iu_inbound_route.address_template is
'canonical address of an event, with the names of columns in braces: orders/{id}';
comment on column public.iu_inbound_route.payload_map is 'payload keys and their columns: {key: column}';
comment on column public.iu_inbound_route.on_error is
'what happens if an event is refused: refuse (the statement fails) or skip_and_count (recorded as refused)';
comment on column public.iu_inbound_route.capture_no is
'number in the names of the trigger function and the triggers';

alter table public.iu_inbound_capture
add column source_key text,
add column error_code text,
add column error_detail text,
alter column source_ref drop not null,
drop constraint decision_is_known,
add constraint decision_is_known check (decision in ('dry_run', 'emitted', 'refused')),
add constraint error_goes_with_refused check ((decision = 'refused') = (error_code is not null)),
add constraint source_ref_is_there_unless_refused check (
    decision = 'refused' or source_ref is not null
);
comment on table public.iu_inbound_capture is
'Captured changes: append-only, one row for each change that a capture recorded. source_ref is the subject of
the event, source_key the key of the changed row as text.';

alter table public.iu_route_worker_cursor
add column retired_at timestamptz,
add column added_at timestamptz;
-- Not in the same command: the workers that exist keep null.
alter table public.iu_route_worker_cursor alter column added_at set default clock_timestamp();
comment on column public.iu_route_worker_cursor.added_at is
'when the worker was added or last resumed; null if it was added before step 110';
comment on column public.iu_route_worker_cursor.retired_at is
'when the worker was retired: its runs are refused, and retention does not wait for it. null: it is in use';

-- No command accepts a reserved name: retention must not wait for a worker that has one.
update public.iu_route_worker_cursor as c set retired_at = clock_timestamp()
where starts_with(c.worker_name, 'live:') or starts_with(c.worker_name, 'replay:');
alter table public.iu_route_worker_cursor
add column cursor_kind text not null default 'audit',
add constraint cursor_kind_is_known check (cursor_kind in ('audit', 'delivery')),
add constraint delivery_cursor_has_its_name check (
    (cursor_kind = 'delivery') = (worker_name ~ '^live:[0-9]+$')
);
comment on table public.iu_route_worker_cursor is
'The durable cursor of each worker and of each live route (cursor_kind). All events that consumed_snapshot
shows are consumed. The window is what window_snapshot shows in addition; position_seq is how far it has been
read. That of a worker is moved only by fn_iu_route_worker_run and fn_iu_route_worker_seek.';
comment on column public.iu_route_worker_cursor.cursor_kind is
'audit: a worker, which writes attempts. delivery: a live route; worker_name is live: and the number of the
route in iu_audit_name, and only module iu-delivery moves the cursor';

-- The workers by name, without the cursors of live routes, of which there may be a thousand.
create index iu_route_worker_cursor_of_workers on public.iu_route_worker_cursor (worker_name)
where cursor_kind = 'audit';

create index iu_schema_object_of_modules on public.iu_schema_object (object)
where module <> 'iu-core' and kind = 'function';

-- What the names of the columns of earlier steps do not say.
comment on column public.event_type_registry.event_type is 'name of the type, such as order_paid';
comment on column public.event_type_registry.event_domain is
'domain of the events: each worker reads one domain';
comment on column public.event_type_registry.event_stream is 'stored with each event, and not interpreted';
comment on column public.event_type_registry.delivery_lane is 'stored with each event, and not interpreted';
comment on column public.event_type_registry.payload_classification is
'stored with each event, and not interpreted';
comment on column public.event_type_registry.event_subject_table is
'table of the subjects, stored with each event';
comment on column public.event_type_registry.payload_keys is
'keys allowed at the top level of a payload; null: every key that is not forbidden';
comment on column public.event_type_registry.enabled is 'whether events of the type may be emitted';
comment on column public.iu_outbound_route.route_code is 'name of the route';
comment on column public.iu_outbound_route.event_type is 'type of the events that it is for';
comment on column public.iu_outbound_route.enabled is
'whether attempts are made; an event without an enabled route gets one with the decision skipped';
comment on column public.iu_outbound_route.dry_run is 'always true: an attempt of a worker delivers nothing';
comment on column public.iu_outbound_route.target_kind is
'kind of the target (fn_iu_target_kinds), or a kind of others';
comment on column public.iu_outbound_route.target_ref is
'what the kind delivers to; for live delivery the name of a target';
comment on column public.iu_outbound_route.route_no is 'number of the route in iu_audit_name';
comment on column public.iu_outbound_route.route_version is 'newest version of the route';
comment on column public.iu_route_dead_letter.event_snapshot is
'the event when it failed, as stored: references only';
comment on column public.iu_route_dead_letter.failure_code is 'error_code of the failed attempt';
comment on column public.iu_route_dead_letter.failure_detail is 'error of the newest failure';
comment on column public.iu_route_dead_letter.attempts is 'number of attempts, replays included';
comment on column public.iu_route_dead_letter.resolution is 'replayed or discarded; null: the letter is open';
comment on column public.iu_route_dead_letter.resolution_reason is 'why it was discarded; null otherwise';
comment on column public.iu_inbound_route.route_code is 'name of the capture';
comment on column public.iu_inbound_route.source_table is 'table whose changes are captured, as schema.table';
comment on column public.iu_inbound_route.source_op is 'insert, update or delete';
comment on column public.iu_inbound_route.target_event_type is 'type of the events that it emits';
comment on column public.iu_inbound_route.enabled is 'whether changes are captured';
comment on column public.iu_inbound_route.dry_run is
'whether changes are only recorded, and no event is emitted';
comment on column public.iu_inbound_capture.route_code is 'name of the capture';
comment on column public.iu_inbound_capture.source_ref is 'subject of the event';
comment on column public.iu_inbound_capture.decision is 'dry_run, emitted or refused';
comment on column public.iu_inbound_capture.event_id is 'the event that was emitted; null: none';
comment on column public.iu_inbound_capture.source_key is 'key of the changed row as text';
comment on column public.iu_inbound_capture.error_code is 'SQLSTATE of the refusal';
comment on column public.iu_inbound_capture.error_detail is 'message of the refusal';
comment on column public.dot_config.key is 'name of the setting or gate';
comment on column public.dot_config.value_pattern is 'regular expression that a value must match';
comment on column public.event_outbox_cluster.system_identifier is
'identifier of the server, as in pg_control_system()';
comment on column public.event_outbox_cluster.outbox_oid is 'oid of event_outbox';
comment on column public.iu_audit_name.name is 'name of a worker or a route';
comment on column public.iu_outbound_route_version.route_version is
'number of the version; any change of the route makes a new one';
comment on column public.iu_route_dead_letter.route_code is 'route of the failed attempt';
comment on column public.iu_route_dead_letter.idempotency_key is
'key of the event on this route; a replay has the same';
comment on column public.iu_route_worker_cursor.worker_name is 'name of the worker';
comment on column public.iu_route_worker_cursor.worker_no is 'number of the worker in iu_audit_name';
comment on column public.iu_route_worker_cursor.cursor_event_id is 'newest event that was read';
comment on column public.iu_route_worker_cursor.cursor_created_at is 'created_at of that event';
comment on column public.iu_route_worker_cursor.mark_seq is
'event_seq that was drawn when mark_xid was not assigned yet';
comment on column public.iu_route_worker_cursor.last_progress_at is 'when a run last read an event';
comment on column public.iu_route_worker_cursor.last_run_at is
'when a run last ended; of runs that read nothing, about one a minute is stored';
comment on column public.iu_route_worker_cursor.last_run_summary is
'what that run returned (fn_iu_route_worker_run)';
comment on column public.iu_route_worker_seek.position is
'position as it was given: beginning, latest or the id of an event';
comment on column public.iu_route_worker_seek.from_event_id is
'cursor_event_id before the seek; null: nothing had been read';
comment on column public.iu_route_worker_seek.to_event_id is 'cursor_event_id after it; null: the start';
comment on column public.dot_config.value is 'value as text';
comment on column public.dot_config.description is 'what the value means';
comment on column public.iu_config_history.noun is
'kind of what was changed: event_type, route, capture or worker';
comment on column public.iu_config_history.name is 'its name';
comment on column public.iu_retention_history.events is 'events that were dropped';
comment on column public.iu_retention_history.attempts is 'attempts that were dropped';
comment on column public.iu_retention_history.oldest_at is 'created_at of the oldest event';
comment on column public.iu_retention_history.newest_at is 'created_at of the newest event';
comment on column public.iu_retention_history.retention_days is
'the setting iu_core.retention_days of that time';
comment on column public.information_unit.unit_kind is 'kind of the unit, such as document';
comment on column public.unit_version.version_seq is
'1 for the first version of the unit, then one more for each';
comment on column public.unit_version.version_ref is
'reference of the version in its source, such as a commit';
comment on column public.unit_version.version_facts is 'facts about the version: references and counts';
comment on column public.iu_sql_link.sql_object_ref is
'name of an object of SQL, such as public.event_outbox';
comment on column public.iu_sql_link.link_kind is 'how the unit and the object are related';
comment on column public.iu_schema_object.object is
'identity of the object, such as function public.fn_iu_gate_list()';
comment on column public.iu_schema_object.kind is 'table, view, function, type or trigger';
comment on column public.iu_schema_step.module is 'module of the step: iu-core or iu-delivery';
comment on column public.iu_schema_step.step_name is 'number and name of the step, such as 110_configuration';
comment on column public.iu_schema_step.requires is 'steps that it requires, as module/step';
comment on column public.iu_schema_step.checksum is 'sha256 of its file when it was applied';
comment on column public.iu_schema_step.server_major is 'major version of PostgreSQL then';
comment on column public.iu_route_worker_cursor.own_position_seq is
'own events of the transaction own_xid up to this event_seq count as read';
comment on column public.iu_route_attempt_tally.attempts is 'attempts of the row';
comment on column public.iu_route_attempt_tally.failed is 'those with the decision failed';
comment on column public.iu_route_attempt_tally.sent is 'those with the decision sent';
comment on column public.iu_schema_access.module is 'module that declared the row';
comment on column public.iu_schema_access.role_name is 'role that has the privileges';
comment on column public.iu_schema_access.verbs is 'privileges, as GRANT names them';

select public.fn_iu_step_record(
    'iu-core', '110_configuration',
    '11d389b495a74cfad3b9894cb404f1ad02c668717656b67f70e75d69e413b60e'
);
