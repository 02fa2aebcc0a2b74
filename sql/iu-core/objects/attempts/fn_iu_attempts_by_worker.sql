create or replace function public.fn_iu_attempts_by_worker(
    worker_name text, row_limit int default 20, before_attempt_id bigint default null
)
returns setof public.iu_attempt
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
begin
    perform public.fn_iu_worker_name_require(worker_name);
    perform public.fn_iu_row_limit_require(row_limit);
    return query
    select p.* from public.fn_iu_attempts_page(worker_name, null, before_attempt_id, row_limit) as p;
end
$$;
comment on function public.fn_iu_attempts_by_worker(text, int, bigint) is
'The newest attempts of a worker, including replays of its dead letters, newest first, at most row_limit; with
before_attempt_id the next page: those older than it. Columns as in the view iu_route_attempt. The cost
depends on row_limit, not on the size of the audit. Raises IU104 for a malformed name, IU301 for a row_limit
outside 1 to 10000. Takes no lock.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_by_worker(text, int, bigint)',
    'inspect'
);
