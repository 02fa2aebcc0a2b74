create or replace function public.fn_iu_probe_own_events()
returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(sum(own.events), 0)::bigint
    from (select distinct t.event_domain from public.event_type_registry as t) as d
    cross join lateral (
        select count(*) as events from public.event_outbox as o
        where o.event_domain = d.event_domain and o.emitted_xid = pg_current_xact_id_if_assigned()
    ) as own
$$;
comment on function public.fn_iu_probe_own_events() is
'How many events the transaction at hand has emitted, of all registered domains.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_probe_own_events()', 'inspect');

create or replace function public.fn_iu_probe_counts()
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_build_object(
        'own_events', public.fn_iu_probe_own_events(),
        'iu_route_attempt', t.attempts,
        'iu_route_dead_letter', (select count(*) from public.iu_route_dead_letter),
        'failed', t.failed,
        'sent', t.sent
    )
    from (
        select coalesce(sum(attempts), 0) as attempts, coalesce(sum(failed), 0) as failed, coalesce(sum(sent), 0) as sent
        from public.iu_route_attempt_tally
    ) as t
$$;
comment on function public.fn_iu_probe_counts() is
'The counts that a probe holds against one another while it acts: {"own_events" (those of this
transaction), "iu_route_attempt", "iu_route_dead_letter", "failed", "sent"}; the last two are
attempts with that decision.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_probe_counts()', 'inspect');

create or replace function public.fn_iu_probe_rows()
returns text
language sql stable
set search_path = pg_catalog, pg_temp
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
'How many rows there are, for a person to read before, while and after a probe acts. Events are
counted up to a million.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_probe_rows()', 'inspect');
