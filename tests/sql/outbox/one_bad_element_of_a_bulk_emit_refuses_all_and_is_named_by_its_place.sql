select keep(
    'good',
    '{"event_type": "version_applied", "canonical_address": "A", '
    '"subject_ref": "00000000-0000-4000-8000-000000000001", "actor_ref": "x", "safe_payload": {}}'
);
select refused(
    format(
        'select fn_iu_emit_events(jsonb_build_array(%1$L::jsonb, %1$L::jsonb, %1$L::jsonb || %2$L::jsonb))',
        kept('good'), bad
    ), code, 'event 3: %' || says || '%'
)
from (values
    ('{"event_type": "no_such"}', 'IU101', 'no_such'), ('{"safe_payload": []}', 'IU102', 'array'),
    ('{"safe_payload": {"body": 1}}', 'IU103', 'body'), ('{"safe_payload": {"body\"x": 1}}', 'IU103', 'body'),
    ('{"actor_ref": null}', 'IU104', 'actor_ref'),
    ('{"canonical_address": ""}', 'IU104', 'canonical_address'),
    ('{"subject_ref": "not a uuid"}', 'IU104', 'subject_ref'),
    ('{"subject_ref": null}', 'IU104', 'subject_ref'),
    ('{"safe_payload": null}', 'IU10_', ''), ('{"event_type": 5}', 'IU101', '5')
) as v (bad, code, says) where code <> 'IU10_';
select same((select count(*) from event_outbox), 0);
select refused(
    format(
        'select fn_iu_emit_events(jsonb_build_array(%1$L::jsonb, %1$L::jsonb || %2$L::jsonb, '
        '%1$L::jsonb || %3$L::jsonb))',
        kept('good'), first, second
    ), code, 'event 2: %'
)
from (values
    ('{"safe_payload": {"body": 1}}', '{"event_type": "no_such"}', 'IU103'),
    ('{"event_type": "no_such"}', '{"subject_ref": "not a uuid"}', 'IU101'),
    ('{"subject_ref": "not a uuid"}', '{"safe_payload": {"body": 1}}', 'IU104')
) as v (first, second, code);
