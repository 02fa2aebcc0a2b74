create or replace function public.fn_iu_health_faults(
    given public.iu_route_worker_cursor, backlog int, oldest_at timestamptz
)
returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return public.fn_iu_outbox_faults() || public.fn_iu_worker_faults(
        given, (select s.difference from public.fn_iu_cluster_state(given) as s), backlog, oldest_at,
        public.fn_iu_gates_open_since()
    );
end
$$;
comment on function public.fn_iu_health_faults(public.iu_route_worker_cursor, int, timestamptz) is
'What makes a worker unhealthy, one sentence each: fn_iu_outbox_faults and fn_iu_worker_faults.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_health_faults(public.iu_route_worker_cursor, int, timestamptz)',
    'internal'
);
