-- enable_seqscan and enable_bitmapscan off: the own transaction is looked up by the index on
-- (event_domain, emitted_xid, event_seq), whatever the statistics of emitted_xid say (decision 011).
-- force_generic_plan: a range whose values are not known is estimated without statistics, so they cannot turn
-- the plan (decision 011). It is also made only once a session.
create or replace function public.fn_iu_window_has_own(event_domain text)
returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
declare
    v_own constant xid8 := pg_current_xact_id();
begin
    -- A range of one id is estimated without statistics; an equality after a bulk load is expected to find
    -- every row of the domain, and then either index would do (decision 011).
    return exists (
        select from public.event_outbox as o
        where o.event_domain collate "POSIX" = fn_iu_window_has_own.event_domain and o.emitted_xid between v_own and v_own
    );
end
$$;
comment on function public.fn_iu_window_has_own(text) is
'Whether the transaction itself has emitted events of the domain. One index probe. Reads only.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_window_has_own(text)', 'internal');
