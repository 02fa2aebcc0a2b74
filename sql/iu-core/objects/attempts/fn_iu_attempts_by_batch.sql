-- enable_seqscan off: find the batch by its primary key even if statistics say that there are few (decisions
-- 011 and 041).
create or replace function public.fn_iu_attempts_by_batch(
    batch_id bigint, row_limit int default 100, before_attempt_id bigint default null
)
returns setof public.iu_attempt
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
begin
    if batch_id is null then
        raise exception 'argument batch_id is null' using
            errcode = 'IU104', hint = 'Give the batch_id of a row of iu_route_batch (iu batch list).';
    end if;
    perform public.fn_iu_row_limit_require(row_limit);
    return query
    select n.* from public.fn_iu_attempts_named(array(
        select a
        from public.iu_route_batch as b
        cross join lateral public.fn_iu_attempts_of_batch(
            b, coalesce(before_attempt_id, 9223372036854775807), row_limit
        ) as a
        where b.batch_id = fn_iu_attempts_by_batch.batch_id
    )) as n;
end
$$;
comment on function public.fn_iu_attempts_by_batch(bigint, int, bigint) is
'The newest attempts of a batch, newest first, at most row_limit; with before_attempt_id the next page: those
older than it. Columns as in the view iu_route_attempt; no row for an unknown batch. The cost depends on
row_limit, not on the size of the audit. Raises IU104 for null, IU301 for a row_limit outside 1 to 10000.
Takes no lock.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_by_batch(bigint, int, bigint)',
    'inspect'
);
