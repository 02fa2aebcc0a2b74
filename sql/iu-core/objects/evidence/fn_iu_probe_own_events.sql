create or replace function public.fn_iu_probe_own_events()
returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select coalesce(sum(own.events), 0)::bigint
    from (select distinct t.event_domain from public.event_type_registry as t) as d
    cross join lateral (
        select count(*) as events from public.event_outbox as o
        where o.event_domain = d.event_domain and o.emitted_xid = pg_current_xact_id_if_assigned()
    ) as own
$$;
comment on function public.fn_iu_probe_own_events() is
'Number of events of all registered domains that the current transaction has emitted.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_probe_own_events()', 'inspect');
