select refused($$select fn_iu_emit_event(null, 'a', subject(), 'x', '{}')$$, 'IU104', '%event_type is null%');
select refused(
    $$select fn_iu_emit_event('version_applied', null, subject(), 'x', '{}')$$, 'IU104',
    '%canonical_address is null%'
);
select refused(
    $$select fn_iu_emit_event('version_applied', 'a', null, 'x', '{}')$$, 'IU104', '%subject_ref is null%'
);
select refused(
    $$select fn_iu_emit_event('version_applied', 'a', subject(), null, '{}')$$, 'IU104', '%actor_ref is null%'
);
select refused(
    $$select fn_iu_emit_event('version_applied', 'a', subject(), 'x', null)$$, 'IU104',
    '%safe_payload is null%'
);
