create or replace function public.fn_iu_attempt_exists(event_id uuid, worker_no int, route_no int)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from public.iu_route_attempt_log as a
        where a.event_id = fn_iu_attempt_exists.event_id and a.worker_no = fn_iu_attempt_exists.worker_no
            and a.route_no = fn_iu_attempt_exists.route_no and a.attempt_no = 1
    )
$$;
comment on function public.fn_iu_attempt_exists(uuid, int, int) is
'Whether the first attempt of an event by a worker and a route (0: no route) exists. One index probe.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempt_exists(uuid, int, int)',
    'internal'
);
