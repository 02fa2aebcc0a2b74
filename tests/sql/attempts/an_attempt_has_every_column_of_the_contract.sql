select same(
    (
        select string_agg(attname, ' ' order by attnum) from pg_attribute
        where attrelid = 'iu_route_attempt'::regclass and attnum > 0
    ),
    'attempt_id batch_id worker_name event_id route_code idempotency_key attempt_no status decision '
    'delivered target_kind target_ref error_code error_detail created_at run_ref'
);
