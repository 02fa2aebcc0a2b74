-- enable_seqscan and enable_bitmapscan off: read event_outbox_by_seq backward, only as far as needed,
-- whatever the statistics say (decision 011).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_events_newest(
    event_domain text default null, before_seq bigint default null, row_limit int default 20
)
returns setof public.event_outbox
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
begin
    perform public.fn_iu_row_limit_require(row_limit);
    return query
    select e.* from public.fn_iu_event_domains(event_domain) as d (name)
    cross join lateral (
        select o.* from public.event_outbox as o
        where o.event_domain = d.name and o.event_seq < coalesce(before_seq, 9223372036854775807)
        order by o.event_seq desc limit row_limit
    ) as e
    order by e.event_seq desc limit row_limit;
end
$$;
comment on function public.fn_iu_events_newest(text, bigint, int) is
'The newest events of a domain, or for null of all domains, by event_seq, newest first, at most row_limit;
with before_seq the next page: those with a lower event_seq. The cost depends on row_limit and the number of
domains, not on the size of the outbox. Raises IU301 for a row_limit outside 1 to 10000. Takes no lock.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_events_newest(text, bigint, int)', 'inspect'
);
