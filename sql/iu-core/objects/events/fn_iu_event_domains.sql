-- A recursive query: each step is one index probe for the next domain. A scan would read the whole outbox.
-- enable_seqscan and enable_bitmapscan off: so that each step is such a probe, whatever the statistics say
-- (decision 011).
create or replace function public.fn_iu_event_domains(event_domain text)
returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
begin
    if fn_iu_event_domains.event_domain is not null then
        return next fn_iu_event_domains.event_domain;
        return;
    end if;
    return query
    with recursive stored (domain) as (
        (select o.event_domain from public.event_outbox as o order by o.event_domain limit 1)
        union all
        select (
            select o.event_domain from public.event_outbox as o
            where o.event_domain > s.domain order by o.event_domain limit 1
        ) from stored as s where s.domain is not null
    )
    select s.domain from stored as s where s.domain is not null;
end
$$;
comment on function public.fn_iu_event_domains(text) is
'The given domain, or for null every domain that has events, in alphabetical order. One index probe for each
domain. Read-only.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_event_domains(text)', 'internal');
