create or replace function public.fn_iu_attempts_conservation(worker_name text, newest int)
returns table (events_unattempted bigint, batches_checked bigint, batches_differing bigint)
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    with recent as (
        select b.batch_id, b.attempts_written from public.iu_route_batch as b
        where b.worker_name = fn_iu_attempts_conservation.worker_name
        order by b.batch_id desc
        limit 100
    ),

    counted as (
        select
            n.batch_id,
            n.attempts_written,
            sum(n.attempts_written) over (order by n.batch_id desc) - n.attempts_written as newer_attempts
        from recent as n
    )

    select
        (
            select count(*) from public.iu_route_worker_cursor as c
            cross join lateral public.fn_iu_cursor_unattempted(c, newest)
            where c.worker_name = fn_iu_attempts_conservation.worker_name and c.cursor_kind = 'audit'
        ),
        count(*),
        count(*) filter (where n.attempts_written <> (
            select count(*) from public.iu_route_attempt_log as a where a.batch_id = n.batch_id
        ))
    from counted as n
    where n.newer_attempts < newest
$$;
comment on function public.fn_iu_attempts_conservation(text, int) is
'Compares what a worker consumed with its attempts. events_unattempted: how many of its newest events have no
attempt (fn_iu_cursor_unattempted). batches_checked: how many of its newest batches were checked.
batches_differing: how many of these have another number of attempts than recorded. The argument newest is the
number of events to check; batches are checked until they have that many attempts, at most 100 batches. All
zero for a worker that never ran.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_conservation(text, int)',
    'inspect'
);
