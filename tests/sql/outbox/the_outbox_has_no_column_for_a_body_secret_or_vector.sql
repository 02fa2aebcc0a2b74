select same((
    select count(*) from pg_attribute
    where attrelid = 'event_outbox'::regclass and attnum > 0 and not attisdropped
        and (
            attname ~* fn_iu_payload_words_regexp()
            or atttypid::regtype::text in ('bytea', 'vector', 'real[]', 'double precision[]')
        )
), 0);
