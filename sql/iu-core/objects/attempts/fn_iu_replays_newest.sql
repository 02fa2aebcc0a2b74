create or replace function public.fn_iu_replays_newest(row_limit int)
returns setof bigint
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
begin
    perform public.fn_iu_row_limit_require(row_limit);
    return query
    select r.attempt_id
    from public.fn_iu_replays_recent(null, null, 9223372036854775807, row_limit) as r
    order by r.attempt_id desc limit row_limit;
end
$$;
comment on function public.fn_iu_replays_newest(int) is
'The attempt_id of the newest replays of all workers, newest first, at most row_limit. The cost depends on
row_limit and the number of workers. Raises IU301 for a row_limit outside 1 to 10000. Takes no lock.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_replays_newest(int)', 'inspect');
