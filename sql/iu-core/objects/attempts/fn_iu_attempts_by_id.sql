create or replace function public.fn_iu_attempts_by_id(attempt_id bigint)
returns setof public.iu_attempt
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
begin
    if attempt_id is null then
        raise exception 'argument attempt_id is null' using
            errcode = 'IU104', hint = 'Give the attempt_id of a row of iu_route_attempt (iu audit).';
    end if;
    return query
    select p.* from public.fn_iu_attempts_page(
        null, null, nullif(attempt_id, 9223372036854775807) + 1, 1
    ) as p
    where p.attempt_id = fn_iu_attempts_by_id.attempt_id;
end
$$;
comment on function public.fn_iu_attempts_by_id(bigint) is
'The attempt with this attempt_id, or no row. Columns as in the view iu_route_attempt. The cost depends on the
number of workers, not on the size of the audit. Raises IU104 for null. Takes no lock.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_by_id(bigint)',
    'inspect'
);
