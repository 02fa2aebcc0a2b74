create or replace function public.fn_iu_target_kinds()
returns table (kind text, module text, description text)
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    values
    ('workflow', null, 'the workflow that reads the outbox: the target of the installed routes'),
    ('webhook', 'iu-delivery', 'an HTTP endpoint'),
    ('postgres', 'iu-delivery', 'an inbox table of another PostgreSQL database'),
    ('pull', 'iu-delivery', 'a sender in any language that claims events and records outcomes'),
    ('dagster_job', 'iu-delivery', 'a job of Dagster'),
    ('dagster_asset', 'iu-delivery', 'an asset of Dagster'),
    ('kafka', 'iu-delivery', 'a topic of Kafka'),
    ('amqp', 'iu-delivery', 'an exchange of an AMQP broker such as RabbitMQ'),
    ('nats', 'iu-delivery', 'a stream of NATS JetStream'),
    ('redis', 'iu-delivery', 'a stream of Redis')
$$;
comment on function public.fn_iu_target_kinds() is
'The kinds of targets that a route may have. module is the module that delivers to this kind; null: the kind
is built in. This is the only list.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_target_kinds()', 'inspect');
