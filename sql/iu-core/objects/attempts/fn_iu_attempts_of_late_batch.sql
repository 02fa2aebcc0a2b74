-- enable_seqscan off: use the BRIN index on batch_id (decisions 011 and 041).
create or replace function public.fn_iu_attempts_of_late_batch(
    given_batch_id bigint, before_attempt_id bigint, row_limit int
)
returns setof public.iu_route_attempt_log
language sql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
    select a.* from public.iu_route_attempt_log as a
    where a.batch_id = given_batch_id and a.attempt_no = 1 and a.attempt_id < before_attempt_id
    order by a.attempt_id desc
    limit row_limit
$$;
comment on function public.fn_iu_attempts_of_late_batch(bigint, bigint, int) is
'Returns the same as fn_iu_attempts_of_batch, by the index on batch_id. Used for a batch with a late
transaction, whose event numbers are far apart.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_of_late_batch(bigint, bigint, int)',
    'internal'
);
