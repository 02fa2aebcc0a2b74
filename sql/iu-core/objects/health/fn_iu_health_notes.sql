create or replace function public.fn_iu_health_notes(
    given public.iu_route_worker_cursor, backlog int, letters int, cap int
)
returns text[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(array_agg(note order by place) filter (where note is not null), '{}')
    from (
        values
        (1, case when not public.fn_iu_gate_open(public.fn_iu_gate_key('master'))
            then format('master gate closed: %s events are held', public.fn_iu_count_say(backlog, cap)) end),
        (2, case when not public.fn_iu_gate_open(public.fn_iu_gate_key('worker'))
            then format('worker gate closed: %s events are held', public.fn_iu_count_say(backlog, cap)) end),
        (3, case when given.worker_name is null then 'the worker has not run yet' end),
        (4, case when letters > 0 then format('%s dead letters are open', public.fn_iu_count_say(letters, cap)) end),
        (5, public.fn_iu_retention_state(given.event_domain) ->> 'note')
    ) as said (place, note)
$$;
comment on function public.fn_iu_health_notes(public.iu_route_worker_cursor, int, int, int) is
'What a reader of a worker''s health should know though it is no fault: closed gates and how many
events they hold, a worker that never ran, open letters, what holds retention back. A sentence each.';
