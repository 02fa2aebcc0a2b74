create or replace function public.fn_iu_worker_summary(
    status text, event_id uuid, created_at timestamptz, batch public.iu_route_batch
)
returns jsonb
language sql stable parallel safe
return jsonb_build_object(
    'status', status,
    'seen', coalesce((batch).seen, 0),
    'attempts_written', coalesce((batch).attempts_written, 0),
    'skipped', coalesce((batch).skipped, 0),
    'dead_lettered', coalesce((batch).dead_lettered, 0),
    'cursor_event_id', event_id,
    'cursor_created_at', created_at,
    'batch_id', case when (batch).seen > 0 then (batch).batch_id end
);
comment on function public.fn_iu_worker_summary(text, uuid, timestamptz, public.iu_route_batch) is
'The result of a run: status, the counts of its batch (0 if there is none), and the cursor.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_worker_summary(text, uuid, timestamptz, public.iu_route_batch)',
    'internal'
);
