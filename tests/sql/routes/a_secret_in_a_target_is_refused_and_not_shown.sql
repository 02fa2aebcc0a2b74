create function judged(ref text, what text) returns void language plpgsql as $$
declare
    v_message text;
    v_hint text;
    v_detail text;
    v_state text;
begin
    begin
        insert into iu_outbound_route (route_code, event_type, target_kind, target_ref)
        values ('t.x', 'version_applied', 'webhook', ref);
    exception when others then
        get stacked diagnostics v_state = returned_sqlstate, v_message = message_text,
            v_hint = pg_exception_hint, v_detail = pg_exception_detail;
    end;
    perform same(v_state, 'IU602', ref);
    perform same(v_message, 'argument target_ref contains ' || what, ref);
    perform holds(concat(v_message, v_hint, v_detail) !~* 'hunter2', ref || ' is not shown');
    perform holds(v_hint like '%IU_SECRET_<NAME>%IU_SECRETS_DIR%', 'the hint says where it belongs');
end
$$;
select judged(ref, 'a password before @') from unnest(array[
    'https://ann:hunter2@example.org/hook', 'postgres://ann:hunter2@db:5432/inbox', 'amqp://ann:hunter2@mq',
    'redis://:hunter2@cache:6379/0', 'nats://u:hunter2/x@host', 'ann:hunter2@example.org:5432/db',
    'kafka://a:hunter2@h1,h2/topic', ' HTTPS://ann:hunter2@example.org'
]) as ref where ref not like ' %';
select judged('https://hunter2@example.org/hook', 'a user name or token before @');
select judged('https://example.org/hook?' || name || '=hunter2', format('a value for the parameter %L', word))
from (values
    ('token', 'token'), ('access_token', 'token'), ('accessToken', 'token'), ('a=1&key', 'key'),
    ('api_key', 'key'),
    ('secret', 'secret'), ('client_secret', 'secret'), ('password', 'pass'), ('PWD', 'pwd'), ('sig', 'sig'),
    ('X-Amz-Signature', 'signature'), ('X-Amz-Credential', 'credential'), ('auth', 'auth'), ('jwt', 'jwt')
) as parameter (name, word);
select judged('host=db user=ann password=hunter2', 'a value for the parameter ''pass''');
select judged('Endpoint=https;AccountKey=hunter2', 'a value for the parameter ''accountkey''');
select judged('{"url": "https://example.org", "token": "hunter2"}', 'a value for the parameter ''token''');
select judged('Authorization: Bearer hunter2hunter2', 'the value of an authorization header');
select judged('-----BEGIN RSA PRIVATE KEY----- hunter2', 'the header of a private key');
select judged('https://example.org/sk_live_hunter2', 'a token');
select refused(
    format($q$update iu_outbound_route set target_ref = %L$q$, 'https://a:hunter2@example.org'), 'IU602'
);
select refused(
    format(
        $q$insert into iu_outbound_route (route_code, event_type, target_kind, target_ref) values (%s)$q$,
        given
    ),
    'IU602', '%contains a password before @'
) from unnest(array[
    $$'https://a:hunter2@example.org', 'version_applied', 'webhook', 'x'$$,
    $$'t.x', 'https://a:hunter2@example.org', 'webhook', 'x'$$,
    $$'t.x', 'version_applied', 'https://a:hunter2@example.org', 'x'$$
]) as given;
select same(fn_iu_target_secret(ref), null::text, ref) from unnest(array[
    'event_outbox', 'billing', 'https://example.org:8443/users/@me', 'https://example.org/a?page=2&sort=id',
    'https://example.org/hook?secret_ref=billing', 'https://example.org/?routing_key=orders',
    'mailto:ann@example.org',
    'postgres://ann@db:5432/inbox', 'arn:aws:secretsmanager:eu-west-1:1:secret:billing', 'orders@v2',
    'kafka://h1:9092,h2:9092/orders.paid', 'https://example.org/?q=a@b', 'sk_lively',
    'https://example.org/tokens/list',
    'amqp://mq/exchange?keys=', 'https://[::1]:8080/hook', 'basic orders'
]) as ref;
