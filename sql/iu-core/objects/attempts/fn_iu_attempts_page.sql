create or replace function public.fn_iu_attempts_page(
    worker_name text, run_ref text, before_attempt_id bigint, row_limit int
)
returns setof public.iu_attempt
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select n.* from public.fn_iu_attempts_named(array(
        select g
        from public.fn_iu_attempts_gather(
            worker_name, run_ref, coalesce(before_attempt_id, 9223372036854775807), row_limit
        ) as g
        order by g.attempt_id desc
        limit row_limit
    )) as n
$$;
comment on function public.fn_iu_attempts_page(text, text, bigint, int) is
'The newest row_limit attempts of a worker, of a run or of all workers, newest first; with before_attempt_id,
only those older than it.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_page(text, text, bigint, int)',
    'internal'
);
