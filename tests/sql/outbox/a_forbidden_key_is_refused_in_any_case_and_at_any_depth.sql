select refused(format($q$select emit(payload => %L::jsonb)$q$, payload), 'IU103', '%refs-only%')
from unnest(array[
    '{"body": 1}', '{"BODY": 1}', '{"Content": 1}', '{"secret": 1}', '{"password": 1}', '{"PassWord": 1}',
    '{"token": 1}', '{"credential": 1}', '{"credentials": 1}', '{"vector": 1}', '{"embedding": 1}',
    '{"apiKey": 1}', '{"api_key": 1}', '{"privateKey": 1}', '{"accessToken": 1}', '{"bodyText": 1}',
    '{"message_body": 1}', '{"authorization": 1}',
    '{"a": {"body": 1}}', '{"a": [{"b": {"Secret": 1}}]}', '{"a": [[[{"token": null}]]]}',
    '{"a": 1, "z": {"y": {"x": {"pwd": 1}}}}'
]) as payload;
