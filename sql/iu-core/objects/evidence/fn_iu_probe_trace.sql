-- enable_bitmapscan and enable_sort off: read the newest 10,000 rows of a table backward by its index.
-- Without statistics the planner prefers to read and sort the whole table: 4,334 pages instead of 763 if
-- there are 100,000 events (decision 011).
create or replace function public.fn_iu_probe_trace(mark text)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_bitmapscan = off
set enable_sort = off
as $$
    with known (name, n) as (
        values
        ('event_outbox', (
            select count(*) from (
                select o.actor_ref from public.event_outbox as o
                where o.event_domain = 'iu' order by o.event_seq desc limit 10000
            ) as newest where starts_with(newest.actor_ref, mark)
        )),
        ('dot_config_history', (
            select count(*) from (
                select h.reason from public.dot_config_history as h order by h.change_no desc limit 10000
            ) as newest where starts_with(newest.reason, replace(mark, 'iu_probe_', 'probe '))
        )),
        ('event_type_registry', (select count(*) from public.event_type_registry as t
            where starts_with(t.event_type, mark))),
        ('iu_audit_name', (select count(*) from public.iu_audit_name as n where starts_with(n.name, mark))),
        ('iu_inbound_capture', (
            select count(*) from (
                select c.source_ref from public.iu_inbound_capture as c order by c.capture_id desc limit 10000
            ) as newest inner join public.iu_sql_link as l on l.link_id = newest.source_ref
            where starts_with(l.actor_ref, mark)
        )),
        ('iu_outbound_route', (select count(*) from public.iu_outbound_route as r
            where starts_with(r.route_code, mark))),
        ('iu_outbound_route_version', (select count(*) from public.iu_outbound_route_version as v
            where starts_with(v.route_code, mark))),
        ('iu_route_worker_cursor', (select count(*) from public.iu_route_worker_cursor as c
            where starts_with(c.worker_name, mark))),
        ('iu_route_worker_seek', (
            select count(*) from (
                select k.worker_name from public.iu_route_worker_seek as k order by k.seek_no desc limit 10000
            ) as newest where starts_with(newest.worker_name, mark)
        )),
        ('iu_route_attempt_tally', (select count(*) from public.iu_route_attempt_tally as t
            where starts_with(t.tally_key, mark))),
        ('iu_route_batch', (
            select count(*) from (
                select b.worker_name from public.iu_route_batch as b order by b.batch_id desc limit 10000
            ) as newest where starts_with(newest.worker_name, mark)
        )),
        ('iu_route_dead_letter', (
            select count(*) from public.iu_route_dead_letter as l
            where starts_with(l.worker_name, mark) or starts_with(l.idempotency_key, mark)
        )),
        ('iu_sql_link', (
            select count(*) from public.iu_sql_link as l
            where starts_with(l.sql_object_ref, 'TEST/' || mark) or starts_with(l.actor_ref, mark)
        )),
        ('information_unit', (
            select count(*) from public.information_unit as u where u.canonical_address ^@ ('TEST/' || mark)
        ))
    )
    select coalesce(string_agg(format('%s in %s', found.n, found.name), ', ' order by found.name), 'nothing')
    from (
        select k.name, k.n from known as k
        union all
        select replace(o.object, 'public.', ''), public.fn_iu_probe_marked(to_regclass(o.object), mark)
        from public.iu_schema_object as o
        where o.kind = 'table' and o.object <> all (select 'public.' || k.name from known as k)
    ) as found where found.n > 0
$$;
comment on function public.fn_iu_probe_trace(text) is
'What a probe has left behind, found by the mark in the names of its workers, actors and addresses: nothing,
or the number of rows in each table. Other tables of the manifest are checked by fn_iu_probe_marked. Attempts
store the number of a worker instead of its name. They cannot exist without the name in iu_audit_name, which
is checked.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_probe_trace(text)', 'inspect');
