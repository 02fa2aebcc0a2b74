select emit();
select keep('said', run()::text);
select same(
    (select string_agg(k, ' ' order by k) from jsonb_object_keys(kept('said')::jsonb) as k),
    'attempts_written batch_id cursor_created_at cursor_event_id dead_lettered seen skipped status'
);
select same((kept('said')::jsonb ->> 'cursor_event_id')::uuid, (select event_id from event_outbox));
select same(
    (kept('said')::jsonb ->> 'cursor_created_at')::timestamptz, (select created_at from event_outbox)
);
select same((kept('said')::jsonb ->> 'batch_id')::bigint, (select batch_id from iu_route_batch));
