create or replace function public.fn_iu_idempotency_key(worker_name text, event_id uuid, route_code text)
returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select worker_name || ':' || event_id::text || ':' || coalesce(route_code, '-')
$$;
comment on function public.fn_iu_idempotency_key(text, uuid, text) is
'The idempotency key of an event for a worker and a route: worker:event:route, with a dash instead of a null
route.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_idempotency_key(text, uuid, text)',
    'inspect'
);
