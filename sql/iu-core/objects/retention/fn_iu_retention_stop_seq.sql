-- enable_seqscan off: read the oldest events in the order of event_seq, so that the search stops at the first
-- that must stay, and the open letters of each by one probe (decisions 011 and 040).
-- force_custom_plan: a list of constants is searched by hashing, a list in a parameter linearly (decision
-- 040).
create or replace function public.fn_iu_retention_stop_seq(
    event_domain text, after_seq bigint, event_limit int, days int
)
returns bigint
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_variable
declare
    v_anchor constant public.event_outbox_cluster := public.fn_iu_cluster_newest();
    v_until constant timestamptz := clock_timestamp() - make_interval(days => days);
    v_cursors constant public.iu_route_worker_cursor [] := (
        select array_agg(c) from public.iu_route_worker_cursor as c
        where c.event_domain = fn_iu_retention_stop_seq.event_domain and c.retired_at is null
        having bool_or(c.cursor_kind = 'audit')
    );
    v_standing constant uuid [] := (select array_agg(c.cursor_event_id) from unnest(v_cursors) as c);
    v_before xid8 := '0'::xid8;
    v_restored bigint := 0;
    v_open xid8 [];
    v_hold constant bigint := (select h.event_seq from public.fn_iu_retention_hold(event_domain) as h);
begin
    -- Every consumed_snapshot shows the transactions below the least xmax that no snapshot lists as open.
    -- Test each event against that once, and against single cursors only if the test fails (decision 040).
    if v_cursors is not null and not exists (
        select from unnest(v_cursors) as c
        where c.consumed_snapshot is null or c.anchor_key is distinct from v_anchor.anchor_key
    ) then
        v_restored := v_anchor.restored_seq;
        v_before := (
            select pg_snapshot_xmax(c.consumed_snapshot) from unnest(v_cursors) as c order by 1 limit 1
        );
    end if;
    v_open := (
        select coalesce(array_agg(distinct open.xid), '{}')
        from unnest(v_cursors) as c cross join lateral pg_snapshot_xip(c.consumed_snapshot) as open (xid)
    );
    -- Offset 0 prevents a join with the open letters, which would not stop at the first event (decision 040).
    return (
        select o.event_seq
        from (
            select e.event_seq, e.event_id, e.emitted_xid, e.created_at from public.event_outbox as e
            where e.event_domain = fn_iu_retention_stop_seq.event_domain and e.event_seq > after_seq
            order by e.event_seq limit event_limit
        ) as o
        where o.created_at > v_until
            or case
                when o.event_seq <= v_restored then false
                when o.emitted_xid < v_before and (o.emitted_xid = any(v_open)) is false then false
                else v_cursors is null or exists (
                    select from unnest(v_cursors) as c
                    where not public.fn_iu_event_is_consumed(o.event_seq, o.emitted_xid, c, v_anchor)
                )
            end
            or o.event_seq >= v_hold
            or o.event_id = any(v_standing)
            or exists (
                select from public.iu_route_dead_letter as l
                where l.event_id = o.event_id and l.resolution is null offset 0
            )
        order by o.event_seq limit 1
    );
end
$$;
comment on function public.fn_iu_retention_stop_seq(text, bigint, int, int) is
'The event_seq of the first event of a domain that must stay, among at most event_limit events after
after_seq: it is younger than the given number of days, a cursor of the domain that is in use has not read it,
it is the last event of a cursor (needed for a re-anchor after a restore), it has an open letter, or a module
holds it or an earlier one (fn_iu_retention_hold). Without a worker in use, every event stays. Null if all may
be deleted. Stable, so that the calling statement sees no event that was not checked. The cost of an
event does not depend on the number of cursors unless their windows are open.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_retention_stop_seq(text, bigint, int, int)',
    'internal'
);
