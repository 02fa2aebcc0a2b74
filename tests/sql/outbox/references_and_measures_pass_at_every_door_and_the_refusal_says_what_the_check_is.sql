create function doors(payload jsonb) returns bigint language sql as $$
    select count(emit(payload => payload)) + (
        select count(*) from public.fn_iu_emit_events(jsonb_build_array(jsonb_build_object(
            'event_type', 'version_applied', 'canonical_address', 'TEST', 'subject_ref', subject(),
            'actor_ref', 'tester', 'safe_payload', payload
        )))
    )
$$;
select same(doors(jsonb_build_object(key, 1)), 2, key), fn_iu_payload_check(jsonb_build_object(key, 1))
from unnest(array[
    'content_type', 'body_id', 'embedding_id', 'body_ids', 'secret_ref', 'token_count', 'vector_version',
    'contentType'
]) as key;
select refused(format(statement, key), 'IU103', '%', '%payload_keys%guards against accidents%no proof%')
from unnest(array['body', 'mail_body', 'api_key', 'embedding', 'accessToken']) as key,
    unnest(array[
        $q$select emit(payload => jsonb_build_object(%L, 1))$q$,
        $q$select doors(jsonb_build_object('a', jsonb_build_object(%L, 1)))$q$,
        $q$select fn_iu_payload_check(jsonb_build_object(%L, 1))$q$
    ]) as statement;
