select refused($$select fn_iu_emit_event('', 'a', subject(), 'x', '{}')$$, 'IU104', '%event_type is empty%');
select refused(
    $$select fn_iu_emit_event('version_applied', '', subject(), 'x', '{}')$$, 'IU104',
    '%canonical_address is empty%'
);
select refused(
    $$select fn_iu_emit_event('version_applied', 'a', subject(), '', '{}')$$, 'IU104', '%actor_ref is empty%'
);
select refused(
    $$select fn_iu_emit_event('version_applied', ' a', subject(), 'x', '{}')$$, 'IU104',
    '%canonical_address is malformed%'
);
select refused(
    $$select fn_iu_emit_event('version_applied', 'a', subject(), E'x\n', '{}')$$, 'IU104',
    '%actor_ref is malformed%'
);
select refused(
    $$select fn_iu_emit_event('version_applied', repeat('a', 1001), subject(), 'x', '{}')$$, 'IU104',
    '%1001 characters%'
);
select refused(
    $$select fn_iu_emit_event('version_applied', 'a', subject(), repeat('x', 201), '{}')$$, 'IU104',
    '%201 characters%'
);
