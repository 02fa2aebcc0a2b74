-- enable_seqscan off: read the attempts of a range of batches by the index on batch_id, so that the cost
-- depends on the range (decisions 011 and 031).
create or replace function public.fn_iu_audit_counts_misfit(
    worker_name text, from_batch_id bigint, to_batch_id bigint, out batch_id bigint, out fault text
)
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
as $$
    select b.batch_id, format(
        'batch %s has %s attempts (%s dry_run, %s skipped, %s failed), but its row records %s (%s, %s, %s)',
        b.batch_id, coalesce(c.attempts, 0),
        coalesce(c.dry_run, 0), coalesce(c.skipped, 0), coalesce(c.failed, 0),
        b.attempts_written, b.dry_run, b.skipped, b.failed
    )
    from public.iu_route_batch as b
    left join (
        select
            a.batch_id, count(*) as attempts, count(*) filter (where a.decision = 'dry_run') as dry_run,
            count(*) filter (where a.decision = 'skipped') as skipped,
            count(*) filter (where a.decision = 'failed') as failed
        from public.iu_route_attempt_log as a
        where a.batch_id between from_batch_id and to_batch_id and a.attempt_no = 1 and a.worker_no = (
            select n.name_no from public.iu_audit_name as n
            where n.name = fn_iu_audit_counts_misfit.worker_name
        )
        group by a.batch_id
    ) as c on c.batch_id = b.batch_id
    where b.worker_name = fn_iu_audit_counts_misfit.worker_name
        and b.batch_id between from_batch_id and to_batch_id
        and b.first_event_seq > public.fn_iu_retention_cut(b.event_domain)
        and (b.attempts_written, b.dry_run, b.skipped, b.failed)
        is distinct from (
            coalesce(c.attempts, 0), coalesce(c.dry_run, 0), coalesce(c.skipped, 0), coalesce(c.failed, 0)
        )
    order by b.batch_id
    limit 1
$$;
comment on function public.fn_iu_audit_counts_misfit(text, bigint, bigint) is
'A message about the first batch of a worker in a range whose numbers of attempts, by decision, differ from
those in its row; null if there is none. Batches of which retention has deleted attempts are not checked.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_audit_counts_misfit(text, bigint, bigint)',
    'inspect'
);
