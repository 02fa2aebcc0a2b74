create or replace function public.fn_iu_health_notes(
    given public.iu_route_worker_cursor, backlog int, letters int, cap int
)
returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_held constant text := public.fn_iu_count_say(backlog, cap);
begin
    return array_remove(array[
        case when not public.fn_iu_gate_open(public.fn_iu_gate_key('master'))
            then format('master gate closed; events held: %s', v_held) end,
        case when not public.fn_iu_gate_open(public.fn_iu_gate_key('worker'))
            then format('worker gate closed; events held: %s', v_held) end,
        case when given.retired_at is not null
            then format('the worker was retired at %s: it reads no events', given.retired_at) end,
        case when given.last_run_at is null then 'the worker has not run yet' end,
        case when letters > 0
            then format('open dead letters: %s', public.fn_iu_count_say(letters, cap)) end,
        public.fn_iu_retention_state(given.event_domain) ->> 'note'
    ], null) || public.fn_iu_outbox_notes();
end
$$;
comment on function public.fn_iu_health_notes(public.iu_route_worker_cursor, int, int, int) is
'What else a reader of a worker''s health should know, one sentence each: closed gates and the number of
events that wait for them, a worker that is retired or never ran, open letters, what holds back retention in
its domain, and fn_iu_outbox_notes.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_health_notes(public.iu_route_worker_cursor, int, int, int)',
    'internal'
);
