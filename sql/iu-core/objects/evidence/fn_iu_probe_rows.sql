create or replace function public.fn_iu_probe_rows()
returns text
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select format(
        'event_outbox %s, iu_route_attempt %s, iu_route_dead_letter %s, iu_route_worker_cursor %s',
        (
            select case when count(*) > 1000000 then 'more than 1000000' else count(*)::text end
            from (select from public.event_outbox limit 1000001) as counted
        ),
        (select coalesce(sum(t.attempts), 0) from public.iu_route_attempt_tally as t),
        (select count(*) from public.iu_route_dead_letter),
        (select count(*) from public.iu_route_worker_cursor)
    )
$$;
comment on function public.fn_iu_probe_rows() is
'Row counts before, during or after a probe, for a reader to compare. Events are counted up to a million.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_probe_rows()', 'inspect');
