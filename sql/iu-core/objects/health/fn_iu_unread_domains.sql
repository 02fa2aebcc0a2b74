-- A recursive query: each step is one index probe for the next domain. A scan would read the whole outbox
-- (decision 011).
-- enable_seqscan and enable_bitmapscan off: so that each step is such a probe, whatever the statistics say.
create or replace function public.fn_iu_unread_domains()
returns table (event_domain text, event_types int, unread_events int, unread_events_capped boolean)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    v_cap constant int := 100;
    v_restored_seq constant bigint := (public.fn_iu_cluster_newest()).restored_seq;
    v_domain record;
    v_cursor public.iu_route_worker_cursor;
begin
    for v_domain in
        with recursive worker (cursor) as materialized (
            select c from public.fn_iu_cursors() as c
        ), stored (domain) as (
            (select o.event_domain from public.event_outbox as o order by o.event_domain limit 1)
            union all
            select (
                select o.event_domain from public.event_outbox as o
                where o.event_domain > s.domain order by o.event_domain limit 1
            ) from stored as s where s.domain is not null
        ), known (domain, types) as (
            select s.domain, 0 from (select domain from stored limit 100) as s where s.domain is not null
            union all
            select r.event_domain, 1 from public.event_type_registry as r where r.enabled
        )
        select k.domain, sum(k.types) as types, (
            select w.cursor from worker as w
            where (w.cursor).event_domain = k.domain order by (w.cursor).retired_at desc limit 1
        ) as cursor
        from known as k
        where not exists (
            select from worker as w where (w.cursor).event_domain = k.domain and (w.cursor).retired_at is null
        )
        group by k.domain order by sum(k.types) > 0 desc, k.domain limit 10
    loop
        event_domain := v_domain.domain;
        event_types := v_domain.types;
        -- What the worker that was retired last has read is not unread.
        v_cursor := v_domain.cursor;
        if v_cursor.worker_name is not null then
            v_cursor := public.fn_iu_cursor_countable(
                v_cursor, (select s.difference from public.fn_iu_cluster_state(v_cursor) as s)
            );
        end if;
        v_cursor.event_domain := event_domain;
        unread_events := (
            select b.events from public.fn_iu_cursor_backlog(v_cursor, v_restored_seq, v_cap + 1) as b
        );
        unread_events_capped := unread_events > v_cap;
        unread_events := least(unread_events, v_cap);
        if event_types > 0 or unread_events > 0 then
            return next;
        end if;
    end loop;
end
$$;
comment on function public.fn_iu_unread_domains() is
'Domains without a reader: no worker that is in use reads them, but an enabled event type has the domain, or
events of it wait. At most ten rows, domains with event types first; of the domains in the outbox, the first
100 are considered. event_types is the number of enabled types. unread_events is exact up to 100; if a worker
of the domain was retired, it counts the events that the last one did not read. The cost depends on the
numbers of workers, event types and domains, not on table sizes. Read-only; takes no lock.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_unread_domains()', 'inspect');
