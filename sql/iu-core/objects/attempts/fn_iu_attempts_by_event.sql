-- enable_seqscan off: use the primary key, whose first column is the event, even if the audit was never
-- analysed (decisions 011 and 041).
create or replace function public.fn_iu_attempts_by_event(event_id uuid)
returns setof public.iu_attempt
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
begin
    if event_id is null then
        raise exception 'argument event_id is null' using
            errcode = 'IU104', hint = 'Give the event_id that the emit returned.';
    end if;
    return query
    select n.* from public.fn_iu_attempts_named(array(
        select a from public.iu_route_attempt_log as a where a.event_id = fn_iu_attempts_by_event.event_id
    )) as n
    order by n.attempt_id;
end
$$;
comment on function public.fn_iu_attempts_by_event(uuid) is
'All attempts of an event by all workers and routes, including replays, oldest first. Columns as in the view
iu_route_attempt; no row for an unknown event. The cost depends only on the number of its attempts. Raises
IU104 for null. Takes no lock.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_by_event(uuid)',
    'inspect'
);
