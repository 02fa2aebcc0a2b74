create or replace function public.fn_iu_attempts_by_run(
    run_ref text, row_limit int default 100, before_attempt_id bigint default null
)
returns setof public.iu_attempt
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
begin
    perform public.fn_iu_argument_require('run_ref', run_ref, 200);
    perform public.fn_iu_row_limit_require(row_limit);
    return query select p.* from public.fn_iu_attempts_page(null, run_ref, before_attempt_id, row_limit) as p;
end
$$;
comment on function public.fn_iu_attempts_by_run(text, int, bigint) is
'The newest attempts of an orchestrator''s run (those of its batches and its replays), newest first, at most
row_limit; with before_attempt_id the next page: those older than it. Columns as in the view
iu_route_attempt. The cost depends on row_limit, not on the size of the audit. Raises IU104 for a malformed
run_ref, IU301 for a row_limit outside 1 to 10000. Takes no lock.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_by_run(text, int, bigint)',
    'inspect'
);
