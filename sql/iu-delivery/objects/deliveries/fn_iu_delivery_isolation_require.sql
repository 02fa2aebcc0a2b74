create or replace function public.fn_iu_delivery_isolation_require()
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A statement that waited for a row lock must see what the other transaction wrote: with an older
    -- snapshot a subject could be left without a head (decision 073).
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception 'deliveries cannot be changed in a % transaction',
            current_setting('transaction_isolation') using
            errcode = 'IU303',
            hint = 'Call it in a transaction of its own: begin isolation level read committed.';
    end if;
end
$$;
comment on function public.fn_iu_delivery_isolation_require() is
'Raises IU303 in a transaction that is not read committed.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_isolation_require()', 'internal'
);
