select same((
    select count(*) from pg_attribute
    where attrelid = 'event_outbox'::regclass and attnum > 0 and not attisdropped
        and (attname ~* '(body|content|secret|vector|embedding)' or atttypid::regtype::text in ('bytea', 'vector', 'real[]', 'double precision[]'))
), 0);
