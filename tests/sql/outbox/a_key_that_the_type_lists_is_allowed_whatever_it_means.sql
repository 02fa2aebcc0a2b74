update event_type_registry set payload_keys = '{body,api_key,session_token,note}'
where event_type = 'version_applied';
create function bulk(payload jsonb) returns bigint language sql as $$
    select count(*) from public.fn_iu_emit_events(jsonb_build_array(jsonb_build_object(
        'event_type', 'version_applied', 'canonical_address', 'TEST', 'subject_ref', subject(),
        'actor_ref', 'tester', 'safe_payload', payload
    )))
$$;
select emit(payload => payload::jsonb), bulk(payload::jsonb) from unnest(array[
    '{"body": 1}', '{"api_key": 1, "note": 2}', '{"session_token": 1}',
    '{"body": {"note": 1, "any_id": 2}}', '{}'
]) as payload;
select same((select count(*) from event_outbox), 10);
select refused(format($q$select emit(payload => %L)$q$, payload), code),
    refused(format($q$select bulk(%L)$q$, payload), code)
from (values
    ('{"secret": 1}', 'IU103'), ('{"Body": 1}', 'IU103'), ('{"other": 1}', 'IU102'),
    ('{"body": {"body": 1}}', 'IU103'), ('{"note": {"api_key": 1}}', 'IU103'),
    ('{"note": [{"session_token": 1}]}', 'IU103'),
    ('{"body": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}', 'IU103'),
    ('{"body": "-----BEGIN PRIVATE KEY-----"}', 'IU103')
) as p (payload, code);
