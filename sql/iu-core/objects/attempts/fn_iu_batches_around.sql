-- enable_seqscan and enable_bitmapscan off: a few probes for each worker (decisions 011 and 041).
create or replace function public.fn_iu_batches_around(attempt_id bigint)
returns setof public.iu_route_batch
language sql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
    -- A loose index scan, one probe for each worker name. Batches of one worker do not overlap, so at most
    -- one of them has attempts on both sides of attempt_id (decision 041).
    with recursive worker (name) as (
        select min(b.worker_name) from public.iu_route_batch as b
        union all
        select (select min(b.worker_name) from public.iu_route_batch as b where b.worker_name > w.name)
        from worker as w where w.name is not null
    )
    select c.* from worker as w
    cross join lateral (
        select b.* from public.iu_route_batch as b
        where b.worker_name = w.name and b.last_attempt_id >= fn_iu_batches_around.attempt_id
        order by b.last_attempt_id limit 1
    ) as c
    where not exists (
        select from public.event_outbox as o
        cross join lateral (
            select min(l.attempt_id) as attempt_id from public.iu_route_attempt_log as l
            where l.event_id = o.event_id and l.attempt_no = 1 and l.batch_id = c.batch_id
                and l.worker_no = (
                    select n.name_no from public.iu_audit_name as n where n.name = c.worker_name
                )
        ) as a
        where o.event_domain = c.event_domain and o.event_seq = c.first_event_seq
            and a.attempt_id >= fn_iu_batches_around.attempt_id
        offset 0
    )
$$;
comment on function public.fn_iu_batches_around(bigint) is
'The batches that may have attempts both below attempt_id and from it on. For each worker this is the first
batch whose last_attempt_id is not below attempt_id, unless its first attempt is not below attempt_id
either.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_batches_around(bigint)',
    'internal'
);
