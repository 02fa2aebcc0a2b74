create or replace function public.fn_iu_cursor_reader(given public.iu_route_worker_cursor)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case given.cursor_kind
        when 'audit' then 'worker ' || given.worker_name
        else 'live route ' || (
            select n.name from public.iu_audit_name as n
            where n.name_no = substr(given.worker_name, 6)::int
        )
    end
$$;
comment on function public.fn_iu_cursor_reader(public.iu_route_worker_cursor) is
'Who reads with a cursor, for a sentence: worker NAME, or live route CODE.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_cursor_reader(public.iu_route_worker_cursor)', 'internal'
);
