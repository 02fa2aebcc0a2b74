-- enable_seqscan off: the attempts come by the primary key, which leads with the event, also where the audit
-- was never analysed (decisions 011 and 041).
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
'Every attempt of an event, of all workers and routes, replays included, oldest first. Columns of the view
iu_route_attempt; no row for an unknown event. Cost grows with the attempts of the event alone. Raises IU104
for null. Takes no lock.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_by_event(uuid)',
    'inspect'
);
