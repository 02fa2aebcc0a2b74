-- enable_seqscan and enable_bitmapscan off: each step of the bisection is one probe of the index on event_seq
-- and one of the primary key (decisions 011 and 041).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_batch_seq_before(batch public.iu_route_batch, attempt_id bigint)
returns bigint
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
declare
    v_worker_no constant int := (
        select n.name_no from public.iu_audit_name as n where n.name = batch.worker_name
    );
    v_low bigint := batch.first_event_seq;
    v_high bigint := batch.last_event_seq;
    v_middle bigint;
    v_first record;
begin
    -- Probe the first event from v_middle on that has attempts of this batch, because event numbers in
    -- between may belong to other domains or not exist (decision 041).
    while v_low < v_high loop
        v_middle := v_low + (v_high - v_low + 1) / 2;
        select o.event_seq, a.attempt_id into v_first
        from public.event_outbox as o
        cross join lateral (
            select min(l.attempt_id) as attempt_id from public.iu_route_attempt_log as l
            where l.event_id = o.event_id and l.worker_no = v_worker_no
                and l.attempt_no = 1 and l.batch_id = batch.batch_id
        ) as a
        where o.event_domain = batch.event_domain and o.event_seq between v_middle and v_high
            and a.attempt_id is not null
        order by o.event_seq limit 1;
        if v_first.attempt_id < attempt_id then
            v_low := v_first.event_seq;
        else
            v_high := v_middle - 1;
        end if;
    end loop;
    return v_low;
end
$$;
comment on function public.fn_iu_batch_seq_before(public.iu_route_batch, bigint) is
'The event_seq up to which the events of a batch have attempts below attempt_id. Found by bisection, because
the attempts of a batch are in the order of its events.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_batch_seq_before(public.iu_route_batch, bigint)',
    'internal'
);
