create or replace function public.fn_iu_flood_refuse(seen int, failed int, attempts_written int)
returns void
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if seen >= 20 and failed * 2 > attempts_written then
        raise exception '% of % attempts of the batch failed: a fault of the system and not of the events',
            failed, attempts_written using
            errcode = 'IU302',
            hint = 'Nothing was set aside and the cursor has not moved. Mend the cause (see the routes and the seam) and run again.';
    end if;
end
$$;
comment on function public.fn_iu_flood_refuse(int, int, int) is
'The flood guard: raises IU302 where more than half of the attempts of a batch of 20 events or more failed.';
