create or replace function public.fn_iu_batch_record(facts public.iu_route_batch)
returns bytea
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    facts.finished_at := clock_timestamp();
    facts.batch_hash := public.fn_iu_batch_hash(facts);
    insert into public.iu_route_batch overriding system value select facts.*;
    perform public.fn_iu_tally_add(
        facts.worker_name, facts.attempts_written, facts.failed,
        facts.attempts_written - facts.dry_run - facts.skipped - facts.failed
    );
    return facts.batch_hash;
end
$$;
comment on function public.fn_iu_batch_record(public.iu_route_batch) is
'Finishes and writes the ledger row of a batch, adds its counts to the worker''s tally, and returns
its hash.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_batch_record(public.iu_route_batch)',
    'internal'
);
