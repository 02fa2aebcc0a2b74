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

select public.fn_iu_step_record(
    'iu-core', '110_configuration',
    '2ac83cfba63829c0c2ff7e2bf73eee9a14bcd4ecb20f4528968f1dd90d96de77'
);
