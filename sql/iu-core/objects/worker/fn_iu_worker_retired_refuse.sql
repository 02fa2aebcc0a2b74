create or replace function public.fn_iu_worker_retired_refuse(given public.iu_route_worker_cursor)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'worker % was retired at %', given.worker_name, given.retired_at using
        errcode = 'IU104',
        hint = format(
            'Resume it with: iu worker add %s --domain %s --reason WHY, or with: '
            'select fn_iu_route_worker_add(%L, %L, ''WHY'')',
            given.worker_name, given.event_domain, given.worker_name, given.event_domain
        );
end
$$;
comment on function public.fn_iu_worker_retired_refuse(public.iu_route_worker_cursor) is
'Raises IU104: the worker of this cursor is retired. The hint has the command that resumes it.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_worker_retired_refuse(public.iu_route_worker_cursor)', 'internal'
);
