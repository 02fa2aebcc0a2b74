-- 070: the table of contents of the code. Repeatable: applied again when one of these files or the schema has
-- changed. Depends on the last schema step. A table is altered only if it differs.
select public.fn_iu_step_require('iu-core', '110_configuration');

-- Manifest and access matrix.
\ir ../objects/steps/fn_iu_object_identity.sql
\ir ../objects/steps/fn_iu_roles_are_used.sql
\ir ../objects/steps/fn_iu_object_rights.sql
\ir ../objects/steps/fn_iu_object_misfit.sql
\ir ../objects/steps/fn_iu_object_secure.sql
\ir ../objects/steps/fn_iu_access_declare.sql
\ir ../objects/steps/fn_iu_trigger_ensure.sql
\ir ../objects/steps/fn_iu_object_declare.sql
\ir ../objects/access.sql
\ir ../objects/steps/ledger.sql

-- Shared by all.
\ir ../objects/shared/fn_iu_append_only_refuse.sql
\ir ../objects/shared/fn_iu_argument_require.sql
\ir ../objects/shared/fn_iu_name_require.sql
\ir ../objects/shared/fn_iu_row_limit_require.sql
\ir ../objects/shared/fn_iu_fault_is_systemic.sql

-- Proof and maintenance of a module.
\ir ../objects/steps/fn_iu_table_is_append_only.sql
\ir ../objects/steps/fn_iu_module_writers.sql
\ir ../objects/steps/fn_iu_module_row_security.sql
\ir ../objects/steps/fn_iu_module_prove.sql
\ir ../objects/steps/fn_iu_module_prune.sql
\ir ../objects/steps/fn_iu_module_functions.sql

-- Gates.
\ir ../objects/gates/tables.sql
\ir ../objects/gates/fn_iu_gate_key.sql
\ir ../objects/gates/fn_iu_gate_open.sql
\ir ../objects/gates/fn_iu_gates_recheck.sql
\ir ../objects/gates/fn_iu_gate_list.sql
\ir ../objects/gates/fn_iu_setting_seconds.sql
\ir ../objects/gates/fn_iu_gate_note.sql
\ir ../objects/gates/fn_iu_live_routes_require.sql
\ir ../objects/gates/fn_iu_gate_set.sql
\ir ../objects/gates/trg_iu_gate_history.sql
\ir ../objects/gates/trg_iu_gate_stamp.sql

-- Event types and outbox.
\ir ../objects/event_types/tables.sql
\ir ../objects/outbox/tables.sql
\ir ../objects/event_types/fn_iu_event_type_names.sql
\ir ../objects/event_types/fn_iu_event_type_require.sql
\ir ../objects/outbox/fn_iu_event_id.sql
\ir ../objects/outbox/fn_iu_payload_words.sql
\ir ../objects/outbox/fn_iu_payload_words_like.sql
\ir ../objects/outbox/fn_iu_payload_words_regexp.sql
\ir ../objects/outbox/fn_iu_payload_key_regexp.sql
\ir ../objects/outbox/fn_iu_payload_is_plain.sql
\ir ../objects/outbox/fn_iu_payload_check.sql
\ir ../objects/outbox/fn_iu_payload_keys_require.sql
\ir ../objects/outbox/fn_iu_event_check.sql
\ir ../objects/outbox/fn_iu_event_subject.sql
\ir ../objects/outbox/fn_iu_emit_event.sql
\ir ../objects/outbox/fn_iu_emit_events.sql
\ir ../objects/event_types/fn_iu_event_type_waiting.sql
\ir ../objects/event_types/fn_iu_event_type_release.sql
\ir ../objects/event_types/fn_iu_event_type_move.sql
\ir ../objects/event_types/trg_iu_event_type_check.sql

-- Routes.
\ir ../objects/routes/tables.sql
\ir ../objects/routes/fn_iu_name_intern.sql
\ir ../objects/routes/fn_iu_target_kinds.sql
\ir ../objects/routes/fn_iu_target_kind_is_own.sql
\ir ../objects/routes/fn_iu_target_secret.sql
\ir ../objects/routes/fn_iu_target_secret_refuse.sql
\ir ../objects/routes/trg_iu_route_check.sql
\ir ../objects/routes/trg_iu_route_version.sql
\ir ../objects/routes/fn_iu_route_places.sql

-- Attempts.
\ir ../objects/attempts/tables.sql
\ir ../objects/attempts/fn_iu_idempotency_key.sql
\ir ../objects/attempts/fn_iu_tally_add.sql
\ir ../objects/attempts/fn_iu_route_deliver.sql
\ir ../objects/attempts/fn_iu_attempt_decide.sql
\ir ../objects/attempts/fn_iu_attempt_exists.sql
\ir ../objects/worker/fn_iu_window_after_seq.sql
\ir ../objects/worker/fn_iu_window_from_xid.sql
\ir ../objects/worker/fn_iu_window_until_xid.sql
\ir ../objects/worker/fn_iu_window_claim.sql
\ir ../objects/attempts/fn_iu_attempts_write_dry.sql
\ir ../objects/attempts/fn_iu_attempts_write.sql
\ir ../objects/attempts/fn_iu_attempts_write_isolated.sql
\ir ../objects/attempts/iu_route_attempt.sql
\ir ../objects/attempts/fn_iu_attempts_named.sql
\ir ../objects/attempts/fn_iu_batch_seq_before.sql
\ir ../objects/attempts/fn_iu_attempts_of_late_batch.sql
\ir ../objects/attempts/fn_iu_attempts_of_batch.sql
\ir ../objects/attempts/fn_iu_batches_around.sql
\ir ../objects/attempts/fn_iu_replays_recent.sql
\ir ../objects/attempts/fn_iu_attempts_gather.sql
\ir ../objects/attempts/fn_iu_attempts_page.sql
\ir ../objects/attempts/fn_iu_attempts_newest.sql
\ir ../objects/attempts/fn_iu_attempts_by_worker.sql
\ir ../objects/attempts/fn_iu_attempts_by_run.sql
\ir ../objects/attempts/fn_iu_attempts_by_batch.sql
\ir ../objects/attempts/fn_iu_attempts_by_id.sql
\ir ../objects/attempts/fn_iu_attempts_by_event.sql
\ir ../objects/attempts/fn_iu_attempts_by_key.sql
\ir ../objects/attempts/fn_iu_batches_after.sql
\ir ../objects/attempts/fn_iu_replays_newest.sql
\ir ../objects/attempts/fn_iu_replays_after.sql

-- Dead letters.
\ir ../objects/dead_letters/tables.sql
\ir ../objects/dead_letters/fn_iu_replay_delay.sql
\ir ../objects/dead_letters/fn_iu_dead_letters_set_aside.sql
\ir ../objects/dead_letters/fn_iu_dead_letter_lock.sql
\ir ../objects/dead_letters/fn_iu_replay_summary.sql
\ir ../objects/dead_letters/fn_iu_replay_record.sql
\ir ../objects/dead_letters/fn_iu_route_dead_letter_replay.sql
\ir ../objects/dead_letters/fn_iu_route_dead_letter_discard.sql
\ir ../objects/dead_letters/fn_iu_dead_letters_replayable.sql

-- Worker.
\ir ../objects/worker/tables.sql
\ir ../objects/worker/fn_iu_worker_name_require.sql
\ir ../objects/worker/fn_iu_cluster_newest.sql
\ir ../objects/worker/fn_iu_cluster_event_ahead.sql
\ir ../objects/worker/fn_iu_cluster_state.sql
\ir ../objects/worker/fn_iu_cluster_is_displaced.sql
\ir ../objects/worker/fn_iu_cluster_hint.sql
\ir ../objects/worker/fn_iu_worker_retired_refuse.sql
\ir ../objects/worker/fn_iu_cluster_require.sql
\ir ../objects/worker/fn_iu_cluster_anchor.sql
\ir ../objects/worker/fn_iu_cursor_read.sql
\ir ../objects/worker/fn_iu_cursor_reader.sql
\ir ../objects/worker/fn_iu_cursor_make.sql
\ir ../objects/worker/fn_iu_cursor_lock.sql
\ir ../objects/worker/fn_iu_cursor_store.sql
\ir ../objects/worker/fn_iu_window_backlog.sql
\ir ../objects/worker/fn_iu_cursor_backlog.sql
\ir ../objects/worker/fn_iu_cursor_has_news.sql
\ir ../objects/worker/fn_iu_cursor_unread_seq.sql
\ir ../objects/worker/fn_iu_cursor_move.sql
\ir ../objects/worker/fn_iu_cursor_unattempted.sql
\ir ../objects/attempts/fn_iu_attempts_conservation.sql
\ir ../objects/worker/fn_iu_cursor_seek.sql
\ir ../objects/worker/fn_iu_window_snapshot.sql
\ir ../objects/worker/fn_iu_window_open.sql
\ir ../objects/worker/fn_iu_window_is_empty.sql
\ir ../objects/worker/fn_iu_window_advance.sql
\ir ../objects/worker/fn_iu_window_has_own.sql
\ir ../objects/worker/fn_iu_window_close.sql
\ir ../objects/worker/fn_iu_flood_refuse.sql
\ir ../objects/worker/fn_iu_batch_hash.sql
\ir ../objects/worker/fn_iu_batch_record.sql
\ir ../objects/worker/fn_iu_worker_summary.sql
\ir ../objects/worker/fn_iu_batch_run.sql
\ir ../objects/worker/fn_iu_route_worker_run.sql
\ir ../objects/worker/fn_iu_route_worker_seek.sql
\ir ../objects/worker/fn_iu_route_worker_pending.sql

-- Retention.
\ir ../objects/retention/tables.sql
\ir ../objects/retention/fn_iu_retention_days.sql
\ir ../objects/retention/fn_iu_retention_cut.sql
\ir ../objects/retention/fn_iu_retention_lock.sql
\ir ../objects/retention/fn_iu_event_is_consumed.sql
\ir ../objects/retention/fn_iu_retention_hold.sql
\ir ../objects/retention/fn_iu_retention_holder.sql
\ir ../objects/retention/fn_iu_retention_misdated.sql
\ir ../objects/retention/fn_iu_retention_stop_seq.sql
\ir ../objects/retention/fn_iu_retention_state.sql
\ir ../objects/retention/fn_iu_retention_drop.sql
\ir ../objects/retention/fn_iu_retention_run.sql

-- Events.
\ir ../objects/events/fn_iu_event_reading.sql
\ir ../objects/events/fn_iu_event_domains.sql
\ir ../objects/events/fn_iu_events_newest.sql
\ir ../objects/events/fn_iu_events_between.sql
\ir ../objects/events/fn_iu_event_capture.sql

-- Units.
\ir ../objects/units/tables.sql
\ir ../objects/units/trg_iu_unit_version_out.sql

-- Inbound.
\ir ../objects/inbound/tables.sql
\ir ../objects/inbound/fn_iu_subject.sql
\ir ../objects/inbound/fn_iu_subject_composite.sql
\ir ../objects/inbound/fn_iu_capture_table.sql
\ir ../objects/inbound/fn_iu_capture_type.sql
\ir ../objects/inbound/fn_iu_capture_value.sql
\ir ../objects/inbound/fn_iu_capture_key.sql
\ir ../objects/inbound/fn_iu_capture_key_value.sql
\ir ../objects/inbound/fn_iu_capture_condition.sql
\ir ../objects/inbound/fn_iu_capture_require.sql
\ir ../objects/inbound/fn_iu_capture_refusal.sql
\ir ../objects/inbound/fn_iu_capture_record.sql
\ir ../objects/inbound/fn_iu_capture_loop.sql
\ir ../objects/inbound/fn_iu_capture_body.sql
\ir ../objects/inbound/fn_iu_capture_generate.sql
\ir ../objects/inbound/fn_iu_capture_refuse.sql
\ir ../objects/inbound/fn_iu_capture_columns.sql
\ir ../objects/inbound/fn_iu_capture_table_check.sql
\ir ../objects/inbound/fn_iu_capture_columns_check.sql
\ir ../objects/inbound/fn_iu_capture_literals_check.sql
\ir ../objects/inbound/fn_iu_capture_condition_check.sql
\ir ../objects/inbound/fn_iu_capture_check.sql
\ir ../objects/inbound/fn_iu_capture_triggers.sql
\ir ../objects/inbound/fn_iu_capture_list.sql
\ir ../objects/inbound/fn_iu_capture_missing_columns.sql
\ir ../objects/inbound/fn_iu_capture_misfit.sql
\ir ../objects/inbound/fn_iu_capture_functions.sql
\ir ../objects/inbound/fn_iu_captures_misfit.sql
\ir ../objects/inbound/trg_iu_capture_define.sql
\ir ../objects/inbound/trg_iu_sql_in_iu_sql_link.sql

-- Configuration.
\ir ../objects/configuration/tables.sql
\ir ../objects/configuration/trg_iu_config_history.sql

-- Health.
\ir ../objects/health/fn_iu_count_say.sql
\ir ../objects/worker/fn_iu_worker_state.sql
\ir ../objects/worker/fn_iu_worker_idle_require.sql
\ir ../objects/worker/fn_iu_route_worker_add.sql
\ir ../objects/worker/fn_iu_route_worker_retire.sql
\ir ../objects/worker/fn_iu_cursors.sql
\ir ../objects/worker/fn_iu_cursor_countable.sql
\ir ../objects/gates/fn_iu_gates_open_since.sql
\ir ../objects/health/fn_iu_unread_domains.sql
\ir ../objects/health/fn_iu_outbox_faults.sql
\ir ../objects/health/fn_iu_worker_faults.sql
\ir ../objects/health/fn_iu_health_faults.sql
\ir ../objects/health/fn_iu_outbox_notes.sql
\ir ../objects/health/fn_iu_health_notes.sql
\ir ../objects/health/fn_iu_modules_sent_tally.sql
\ir ../objects/health/fn_iu_sent_tally.sql
\ir ../objects/health/fn_iu_route_worker_health.sql
\ir ../objects/health/fn_iu_workers_status.sql
\ir ../objects/health/fn_iu_audit_counts.sql

-- Evidence.
\ir ../objects/evidence/fn_iu_audit_chain_verify.sql
\ir ../objects/evidence/fn_iu_audit_attempts_misfit.sql
\ir ../objects/evidence/fn_iu_audit_counts_misfit.sql
\ir ../objects/evidence/fn_iu_audit_replays_misfit.sql
\ir ../objects/evidence/fn_iu_audit_attempts_verify.sql
\ir ../objects/evidence/fn_iu_probe_own_events.sql
\ir ../objects/evidence/fn_iu_probe_counts.sql
\ir ../objects/evidence/fn_iu_probe_rows.sql
\ir ../objects/evidence/fn_iu_probe_delta.sql
\ir ../objects/evidence/fn_iu_probe_deltas.sql
\ir ../objects/evidence/fn_iu_probe_gates.sql
\ir ../objects/evidence/fn_iu_probe_settings.sql
\ir ../objects/evidence/fn_iu_probe_marked.sql
\ir ../objects/evidence/fn_iu_probe_trace.sql
\ir ../objects/evidence/fn_iu_probe_open.sql
\ir ../objects/evidence/fn_iu_probe_close.sql
\ir ../objects/evidence/fn_iu_probe_try.sql

select public.fn_iu_step_record(
    'iu-core', '070_functions',
    '4cb224c9f50f46afc3ee72acd42959bff2c62c661a38edddee29aa6a914dad65'
);
