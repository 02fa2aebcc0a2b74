-- enable_seqscan and enable_bitmapscan off: each range is one probe of event_outbox_by_xid, whatever the
-- statistics say. The collation of the query excludes the other index (decision 011).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_events_between(
    after_snapshot pg_snapshot, until_snapshot pg_snapshot, event_domain text, after_xid xid8,
    after_seq bigint, row_limit int
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
declare
    v_restored_seq constant bigint := (public.fn_iu_cluster_newest()).restored_seq;
    v_from numeric;
begin
    perform public.fn_iu_row_limit_require(row_limit);
    if after_snapshot is null or until_snapshot is null then
        raise exception 'argument % is null', case
            when after_snapshot is null then 'after_snapshot' else 'until_snapshot'
        end using errcode = 'IU104', hint = 'Give two snapshots, as pg_current_snapshot() returns them.';
    end if;
    v_from := pg_snapshot_xmax(after_snapshot)::text::numeric;
    return query
    with open (xid) as (
        -- Cast to numeric, because xid8 has no arithmetic.
        select v_from - 1 union all
        select x::text::numeric from pg_snapshot_xip(until_snapshot) as x where x::text::numeric >= v_from
    ), ended (first_xid, last_xid) as (
        -- The id ranges of new transactions, between those that are open in until_snapshot: a scan across an
        -- open transaction would visit everything that it has written (decision 016).
        select open.xid + 1, lead(open.xid, 1, pg_snapshot_xmax(until_snapshot)::text::numeric)
            over (order by open.xid) - 1 from open
        union all
        -- Late transactions, which were open in after_snapshot.
        select late.xid::text::numeric, late.xid::text::numeric
        from pg_snapshot_xip(after_snapshot) as late (xid)
        where pg_visible_in_snapshot(late.xid, until_snapshot)
    ), range (first_xid, last_xid, after_seq) as materialized (
        select greatest(e.first_xid, after_xid::text::numeric + 1)::text::xid8, e.last_xid::text::xid8,
            0::bigint
        from ended as e where greatest(e.first_xid, after_xid::text::numeric + 1) <= e.last_xid
        union all
        select after_xid, after_xid, after_seq where after_xid is not null
    )
    select e.* from public.fn_iu_event_domains(event_domain) as d (name)
    cross join range as r
    cross join lateral (
        select o.* from public.event_outbox as o
        where o.event_domain collate "POSIX" = d.name
            and o.emitted_xid between r.first_xid and r.last_xid
            and o.event_seq > greatest(r.after_seq, v_restored_seq)
        order by o.emitted_xid, o.event_seq limit row_limit
    ) as e
    order by e.emitted_xid, e.event_seq limit row_limit;
end
$$;
comment on function public.fn_iu_events_between(pg_snapshot, pg_snapshot, text, xid8, bigint, int) is
'The events of a domain, or for null of all domains, that until_snapshot shows and after_snapshot does not, by
transaction and event_seq, at most row_limit; with after_xid and after_seq the next page: those after this
event. Shows every event once to a caller that passes the last until_snapshot as the next after_snapshot, also
if it commits late. Events that came with a restore are left out. The cost depends on row_limit, the number of
domains and of open transactions, not on the size of the outbox. Raises IU104 for a snapshot that is null,
IU301 for a row_limit outside 1 to 10000. Takes no lock and assigns no transaction id.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_events_between(pg_snapshot, pg_snapshot, text, xid8, bigint, int)',
    'inspect'
);
