select emit(payload => format('{"%s": 1}', key)::jsonb) from unnest(array[
    'content_type', 'contentType', 'body_id', 'bodyId', 'bodyid', 'embedding_id', 'embedding_ids',
    'message_body_ref', 'content_hash', 'body_sha256', 'content_length', 'body_bytes', 'content-encoding',
    'vectors_count', 'body_version', 'content_type_id', 'token_count', 'tokens.count', 'token_type',
    'secret_ref', 'secretRef', 'password_ref', 'passwordRef', 'api_key_id', 'access_key_id',
    'session_cookie_id', 'pass_count', 'compass', 'passed', 'bypass',
    'primary_key', 'foreign_key', 'key', 'sort_key'
]) as key;
select refused(
    format($q$select emit(payload => '{"%s": 1}')$q$, key), 'IU103', '%' || key || '%', '%body_id%'
)
from unnest(array[
    'body', 'body_text_id', 'body_id_text', 'body_identity', 'content_typed', 'embedding_model', 'contents',
    'bodys', 'id_of_body', 'body_idx', 'password_hash', 'token_hash', 'secret_bytes', 'secret_length',
    'secret_access_key_id', 'tokens', 'cookie_id_value', 'body_id_body',
    'pass', 'Pass', 'db_pass', 'dbPass', 'pass_of_db', 'pass1', 'sshkey', 'sshKey', 'signing_key',
    'signingKey', 'api__key', 'api_-key', 'boDy'
]) as key;
select same((select count(*) from event_outbox), 34);
