create or replace function public.fn_iu_delivery_keys_require(delivery_keys text[])
returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_wrong text;
begin
    if coalesce(cardinality(delivery_keys), 0) not between 1 and 1000 then
        raise exception '% delivery keys are given', coalesce(cardinality(delivery_keys), 0) using
            errcode = 'IU104', hint = 'Give 1 to 1000 keys, as fn_iu_delivery_heads returns them.';
    end if;
    select coalesce(left(k, 100), 'null') into v_wrong from unnest(delivery_keys) as k
    where k is null or k !~ '^evt_[0-9a-f]{32}_[0-9]{1,9}$' limit 1;
    if found then
        raise exception 'not a delivery key: %', v_wrong using
            errcode = 'IU104', hint = 'A key is evt_<event id in hex>_<route number>.';
    end if;
end
$$;
comment on function public.fn_iu_delivery_keys_require(text[]) is
'Raises IU104 unless the argument has 1 to 1,000 keys of deliveries.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_keys_require(text[])', 'internal'
);
