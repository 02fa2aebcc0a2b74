create or replace function public.fn_iu_worker_state(
    status text, worker_name text, event_domain text, retired_at timestamptz
)
returns jsonb
language sql stable parallel safe
return jsonb_build_object(
    'status', status, 'worker_name', worker_name, 'event_domain', event_domain, 'retired_at', retired_at
);
comment on function public.fn_iu_worker_state(text, text, text, timestamptz) is
'The result of adding or retiring a worker: {"status", "worker_name", "event_domain", "retired_at"}.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_worker_state(text, text, text, timestamptz)', 'internal'
);
