create or replace function public.fn_iu_delivery_newest_require(newest bigint)
returns void
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if newest < 1 then
        raise exception 'newest % is below 1', newest using
            errcode = 'IU104', hint = 'Give how many of the newest rows to check, or null for all.';
    end if;
end
$$;
comment on function public.fn_iu_delivery_newest_require(bigint) is
'Raises IU104 if a number of newest rows is below 1; null means all.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_newest_require(bigint)', 'internal'
);
