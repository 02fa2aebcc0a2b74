create or replace function public.fn_iu_batch_record(facts public.iu_route_batch)
returns bytea
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if facts.attempts_written > 0 then
        facts.last_attempt_id := currval('public.iu_route_attempt_log_attempt_id_seq');
    end if;
    facts.finished_at := clock_timestamp();
    facts.batch_hash := public.fn_iu_batch_hash(facts);
    insert into public.iu_route_batch overriding system value select facts.*;
    perform public.fn_iu_tally_add(
        facts.worker_name, facts.attempts_written::bigint, facts.failed::bigint,
        (facts.attempts_written - facts.dry_run - facts.skipped - facts.failed)::bigint
    );
    return facts.batch_hash;
end
$$;
comment on function public.fn_iu_batch_record(public.iu_route_batch) is
'Completes and inserts the iu_route_batch row of a batch, with the highest attempt_id drawn in this session,
adds its counts to the tally of the worker, and returns its hash. Call it after the attempts are written.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_batch_record(public.iu_route_batch)',
    'internal'
);
