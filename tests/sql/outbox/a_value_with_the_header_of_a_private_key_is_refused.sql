create function by_every_function(payload text) returns void language sql as $$
    select refused(format('select emit(payload => %L)', payload), 'IU103', '%header of a private key%'),
        refused(format('select fn_iu_payload_check(%L)', payload), 'IU103'),
        refused(format('select fn_iu_emit_events(%L)', jsonb_build_array(jsonb_build_object(
            'event_type', 'version_applied', 'canonical_address', 'TEST', 'subject_ref', subject(),
            'actor_ref', 'tester', 'safe_payload', payload::jsonb
        ))), 'IU103')
$$;
select by_every_function(format('{"a": [{"text": "x -----BEGIN %sPRIVATE KEY-----\nMII"}]}', kind))
from unnest(array['', 'RSA ', 'EC ', 'OPENSSH ', 'ENCRYPTED ']) as kind;
select by_every_function('{"text": "-----BEGIN PGP PRIVATE KEY BLOCK-----"}');
-- A public key and words about keys are allowed; other values are not checked.
select emit(payload => '{"text": "-----BEGIN PUBLIC KEY-----", "note": "the PRIVATE KEY stays at home"}');
select emit(payload => jsonb_build_object('text', repeat('x', 8000)));
select emit(payload => '{"text": "hunter2"}');
