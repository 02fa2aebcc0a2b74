-- Undoes 110. Refuses if changes, captures, retired workers or cursors of live routes would be lost.
do $refuse$
begin
    if exists (select from public.iu_config_history as h where h.noun <> 'worker' or h.old_value is not null)
        or exists (select from public.iu_inbound_route where subject_columns is not null)
        or exists (select from public.iu_inbound_capture where source_key is not null or decision = 'refused')
        or exists (select from public.iu_route_worker_cursor where retired_at is not null)
        or exists (select from public.iu_route_worker_cursor where cursor_kind <> 'audit')
    then
        raise exception 'rollback of 110_configuration would lose changes, captures, retired workers or '
            'cursors of live routes' using
            errcode = 'IU901',
            hint = 'If they are no longer needed, remove the captures (iu capture remove), resume the '
                'retired workers (iu worker add), roll back to 110_configuration (iu rollback 110), and '
                'delete the rows of iu_config_history and iu_inbound_capture as the owner.';
    end if;
end
$refuse$;
drop index public.iu_schema_object_of_modules;
drop index public.iu_route_worker_cursor_of_workers;
alter table public.iu_route_worker_cursor
drop constraint delivery_cursor_has_its_name,
drop column cursor_kind,
drop column retired_at,
drop column added_at;
comment on table public.iu_route_worker_cursor is
'The durable cursor of each worker. All events that consumed_snapshot shows are consumed. The window is what
window_snapshot shows in addition; position_seq is how far it has been read. Moved only by
fn_iu_route_worker_run and fn_iu_route_worker_seek.';
alter table public.iu_inbound_capture
drop constraint error_goes_with_refused,
drop constraint source_ref_is_there_unless_refused,
alter column source_ref set not null,
drop constraint decision_is_known,
add constraint decision_is_known check (decision in ('dry_run', 'emitted')),
drop column source_key,
drop column error_code,
drop column error_detail;
comment on table public.iu_inbound_capture is
'Captured changes: append-only, one row for each change that an inbound route recorded. source_ref is the
primary key of the changed row.';
alter table public.iu_inbound_route
drop column condition,
drop column subject_table,
drop column subject_columns,
drop column address_template,
drop column payload_map,
drop column on_error,
drop column capture_no,
add constraint one_route_a_source_and_type unique (source_table, source_op, target_event_type);
comment on table public.iu_inbound_route is
'Routes from table changes to event types. A disabled route does nothing; a dry-run route records the change;
any other records it and emits an event.';
drop table public.iu_config_history;
comment on column public.event_type_registry.event_type is null;
comment on column public.event_type_registry.event_domain is null;
comment on column public.event_type_registry.event_stream is null;
comment on column public.event_type_registry.delivery_lane is null;
comment on column public.event_type_registry.payload_classification is null;
comment on column public.event_type_registry.event_subject_table is null;
comment on column public.event_type_registry.payload_keys is null;
comment on column public.event_type_registry.enabled is null;
comment on column public.iu_outbound_route.route_code is null;
comment on column public.iu_outbound_route.event_type is null;
comment on column public.iu_outbound_route.enabled is null;
comment on column public.iu_outbound_route.dry_run is null;
comment on column public.iu_outbound_route.target_kind is null;
comment on column public.iu_outbound_route.target_ref is null;
comment on column public.iu_outbound_route.route_no is null;
comment on column public.iu_outbound_route.route_version is null;
comment on column public.iu_route_dead_letter.event_snapshot is null;
comment on column public.iu_route_dead_letter.failure_code is null;
comment on column public.iu_route_dead_letter.failure_detail is null;
comment on column public.iu_route_dead_letter.attempts is null;
comment on column public.iu_route_dead_letter.resolution is null;
comment on column public.iu_route_dead_letter.resolution_reason is null;
comment on column public.iu_inbound_route.route_code is null;
comment on column public.iu_inbound_route.source_table is null;
comment on column public.iu_inbound_route.source_op is null;
comment on column public.iu_inbound_route.target_event_type is null;
comment on column public.iu_inbound_route.enabled is null;
comment on column public.iu_inbound_route.dry_run is null;
comment on column public.iu_inbound_capture.route_code is null;
comment on column public.iu_inbound_capture.source_ref is null;
comment on column public.iu_inbound_capture.decision is null;
comment on column public.iu_inbound_capture.event_id is null;
comment on column public.dot_config.key is null;
comment on column public.dot_config.value_pattern is null;
comment on column public.iu_route_worker_cursor.own_position_seq is null;
comment on column public.iu_route_attempt_tally.attempts is null;
comment on column public.iu_route_attempt_tally.failed is null;
comment on column public.iu_route_attempt_tally.sent is null;
comment on column public.iu_schema_access.module is null;
comment on column public.iu_schema_access.role_name is null;
comment on column public.iu_schema_access.verbs is null;
comment on column public.event_outbox_cluster.system_identifier is null;
comment on column public.event_outbox_cluster.outbox_oid is null;
comment on column public.iu_audit_name.name is null;
comment on column public.iu_outbound_route_version.route_version is null;
comment on column public.iu_route_dead_letter.route_code is null;
comment on column public.iu_route_dead_letter.idempotency_key is null;
comment on column public.iu_route_worker_cursor.worker_name is null;
comment on column public.iu_route_worker_cursor.worker_no is null;
comment on column public.iu_route_worker_cursor.cursor_event_id is null;
comment on column public.iu_route_worker_cursor.cursor_created_at is null;
comment on column public.iu_route_worker_cursor.mark_seq is null;
comment on column public.iu_route_worker_cursor.last_progress_at is null;
comment on column public.iu_route_worker_cursor.last_run_at is null;
comment on column public.iu_route_worker_cursor.last_run_summary is null;
comment on column public.iu_route_worker_seek.position is null;
comment on column public.iu_route_worker_seek.from_event_id is null;
comment on column public.iu_route_worker_seek.to_event_id is null;
comment on column public.dot_config.value is null;
comment on column public.dot_config.description is null;
comment on column public.iu_retention_history.events is null;
comment on column public.iu_retention_history.attempts is null;
comment on column public.iu_retention_history.oldest_at is null;
comment on column public.iu_retention_history.newest_at is null;
comment on column public.iu_retention_history.retention_days is null;
comment on column public.information_unit.unit_kind is null;
comment on column public.unit_version.version_seq is null;
comment on column public.unit_version.version_ref is null;
comment on column public.unit_version.version_facts is null;
comment on column public.iu_sql_link.sql_object_ref is null;
comment on column public.iu_sql_link.link_kind is null;
comment on column public.iu_schema_object.object is null;
comment on column public.iu_schema_object.kind is null;
comment on column public.iu_schema_step.module is null;
comment on column public.iu_schema_step.step_name is null;
comment on column public.iu_schema_step.requires is null;
comment on column public.iu_schema_step.checksum is null;
comment on column public.iu_schema_step.server_major is null;
select public.fn_iu_step_forget('iu-core', '110_configuration');
