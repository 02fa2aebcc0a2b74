create or replace function public.fn_iu_row_limit_require(row_limit int)
returns void
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if row_limit is null or row_limit not between 1 and 10000 then
        raise exception 'row_limit % is not between 1 and 10000', coalesce(row_limit::text, 'null') using
            errcode = 'IU301',
            hint = 'Give the number of rows. Functions with before_attempt_id return the next rows with it.';
    end if;
end
$$;
comment on function public.fn_iu_row_limit_require(int) is
'Raises IU301 if a number of rows is null or outside 1 to 10000.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_row_limit_require(int)',
    'internal'
);
