-- enable_seqscan off: the failures of the batch are found by failed_attempts_by_batch, also where the audit
-- was never analysed (decision 011).
create or replace function public.fn_iu_flood_refuse(batch public.iu_route_batch)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
declare
    v_failed int;
begin
    if batch.seen < 20 or batch.failed * 2 <= batch.seen then
        return;
    end if;
    select count(distinct a.event_id) into v_failed from public.iu_route_attempt_log as a
    where a.batch_id = batch.batch_id and a.decision = 'failed';
    if v_failed * 2 > batch.seen then
        raise exception '% of % events of the batch failed: a fault of the system and not of the events',
            v_failed, batch.seen using
            errcode = 'IU302',
            hint = 'Nothing was set aside and the cursor has not moved. '
                'Mend the cause (see the routes and the seam) and run again.';
    end if;
end
$$;
comment on function public.fn_iu_flood_refuse(public.iu_route_batch) is
'The flood guard: raises IU302 where more than half of the events of a batch of 20 or more failed.
An event that is read again and left alone did not fail.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_flood_refuse(public.iu_route_batch)',
    'internal'
);
