-- Deny by default, then the matrix: role x object x verb. Without the roles all belongs to the installer and PUBLIC has nothing.
do $grants$
declare
    v_roles constant boolean := to_regrole('iu_owner') is not null
        and coalesce(current_setting('iu.without_roles', true), '') <> 'on';
    v_tables constant text [] := array[
        'iu_schema_step', 'dot_config', 'dot_config_history', 'event_type_registry', 'event_outbox',
        'event_outbox_cluster', 'iu_audit_name', 'iu_outbound_route', 'iu_outbound_route_version', 'iu_inbound_route',
        'iu_inbound_capture', 'iu_route_worker_cursor', 'iu_route_worker_seek', 'iu_route_batch', 'iu_route_attempt_log',
        'iu_route_attempt_tally', 'iu_route_attempt', 'iu_route_dead_letter', 'iu_retention_history', 'information_unit', 'unit_version', 'iu_sql_link'
    ];
    v_matrix constant jsonb := jsonb_build_object(
        'iu_emitter', jsonb_build_object(
            'execute', array['fn_iu_emit_event', 'fn_iu_emit_events'],
            'select, insert', array['information_unit', 'unit_version', 'iu_sql_link'],
            'select', array['event_type_registry']
        ),
        'workflow_admin', jsonb_build_object(
            'execute', array[
                'fn_iu_emit_event', 'fn_iu_emit_events', 'fn_iu_route_worker_run', 'fn_iu_route_worker_pending',
                'fn_iu_route_worker_seek', 'fn_iu_route_worker_health', 'fn_iu_route_dead_letter_replay',
                'fn_iu_route_dead_letter_discard', 'fn_iu_retention_run', 'fn_iu_retention_state', 'fn_iu_route_deliver', 'fn_iu_gate_set', 'fn_iu_gate_key', 'fn_iu_gate_open',
                'fn_iu_audit_counts', 'fn_iu_cursor_unattempted', 'fn_iu_batch_hash', 'fn_iu_idempotency_key',
                'fn_iu_audit_chain_verify', 'fn_iu_audit_attempts_verify',
                'fn_iu_audit_attempts_misfit', 'fn_iu_audit_counts_misfit',
                'fn_iu_audit_replays_misfit',
                'fn_iu_payload_check', 'fn_iu_payload_is_plain', 'fn_iu_event_id', 'fn_iu_retention_cut',
                'fn_iu_payload_words', 'fn_iu_payload_words_like', 'fn_iu_payload_words_regexp',
                'fn_iu_payload_key_regexp',
                'fn_iu_proof_note', 'fn_iu_proof_end',
                'fn_iu_probe_own_events', 'fn_iu_probe_counts', 'fn_iu_probe_rows', 'fn_iu_probe_delta', 'fn_iu_probe_deltas', 'fn_iu_probe_gates',
                'fn_iu_probe_settings', 'fn_iu_probe_trace'
            ],
            'select, insert', array['information_unit', 'unit_version', 'iu_sql_link'],
            'select, insert, update, delete', array['event_type_registry', 'iu_outbound_route', 'iu_inbound_route'],
            'select', v_tables
        ),
        'iu_auditor', jsonb_build_object(
            'execute', array[
                'fn_iu_retention_state', 'fn_iu_route_worker_health', 'fn_iu_route_worker_pending', 'fn_iu_gate_key', 'fn_iu_gate_open', 'fn_iu_audit_counts',
                'fn_iu_cursor_unattempted', 'fn_iu_batch_hash', 'fn_iu_idempotency_key',
                'fn_iu_audit_chain_verify', 'fn_iu_audit_attempts_verify',
                'fn_iu_audit_attempts_misfit', 'fn_iu_audit_counts_misfit',
                'fn_iu_audit_replays_misfit',
                'fn_iu_payload_check', 'fn_iu_payload_is_plain', 'fn_iu_event_id', 'fn_iu_retention_cut',
                'fn_iu_payload_words', 'fn_iu_payload_words_like', 'fn_iu_payload_words_regexp',
                'fn_iu_payload_key_regexp',
                'fn_iu_proof_note', 'fn_iu_proof_end',
                'fn_iu_probe_own_events', 'fn_iu_probe_counts', 'fn_iu_probe_rows', 'fn_iu_probe_delta', 'fn_iu_probe_deltas', 'fn_iu_probe_gates',
                'fn_iu_probe_settings', 'fn_iu_probe_trace'
            ],
            'select', v_tables
        )
    );
    v_object text;
    v_row record;
begin
    foreach v_object in array v_tables loop
        execute format('revoke all on public.%I from public', v_object);
        if v_roles then
            execute format('revoke all on public.%I from iu_emitter, workflow_admin, iu_auditor', v_object);
            execute format('alter table public.%I owner to iu_owner', v_object);
        end if;
    end loop;
    for v_object in
        select p.oid::regprocedure::text from pg_catalog.pg_proc as p
        where p.pronamespace = 'public'::regnamespace and p.proname like 'fn\_iu\_%'
    loop
        execute format('revoke all on function %s from public', v_object);
        if v_roles then
            execute format('revoke all on function %s from iu_emitter, workflow_admin, iu_auditor', v_object);
            execute format('alter function %s owner to iu_owner', v_object);
        end if;
    end loop;
    if not v_roles then
        return;
    end if;
    for v_row in
        select r.key as grantee, g.key as verbs, o.name
        from jsonb_each(v_matrix) as r
        cross join lateral jsonb_each(r.value) as g
        cross join lateral jsonb_array_elements_text(g.value) as o (name)
    loop
        if v_row.verbs <> 'execute' then
            execute format('grant %s on public.%I to %I', v_row.verbs, v_row.name, v_row.grantee);
            continue;
        end if;
        for v_object in
            select p.oid::regprocedure::text from pg_catalog.pg_proc as p
            where p.pronamespace = 'public'::regnamespace and p.proname = v_row.name
        loop
            execute format('grant execute on function %s to %I', v_object, v_row.grantee);
        end loop;
    end loop;
end
$grants$;
