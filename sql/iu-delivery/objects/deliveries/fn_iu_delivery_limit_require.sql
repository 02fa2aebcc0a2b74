create or replace function public.fn_iu_delivery_limit_require(batch_limit int, largest int)
returns void
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if batch_limit is null or batch_limit < 1 or batch_limit > largest then
        raise exception 'batch_limit % is not between 1 and %', coalesce(batch_limit::text, 'null'), largest
            using errcode = 'IU301', hint = 'Give the largest number of deliveries, for example 200.';
    end if;
end
$$;
comment on function public.fn_iu_delivery_limit_require(int, int) is
'Raises IU301 if a batch limit is null or outside 1 to largest.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_limit_require(int, int)', 'internal'
);
