create or replace function public.fn_iu_delivery_batch_record(facts public.iu_delivery_batch)
returns public.iu_delivery_batch
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    facts.batch_id := nextval('public.iu_delivery_batch_batch_id_seq');
    facts.finished_at := clock_timestamp();
    facts.batch_hash := public.fn_iu_delivery_batch_hash(facts);
    insert into public.iu_delivery_batch overriding system value select facts.*;
    return facts;
end
$$;
comment on function public.fn_iu_delivery_batch_record(public.iu_delivery_batch) is
'Completes and inserts the row of a batch, and returns it.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_batch_record(public.iu_delivery_batch)', 'internal'
);
