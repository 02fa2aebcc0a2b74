-- enable_seqscan off: a transaction is looked up in event_outbox_by_xid, whatever the statistics of
-- emitted_xid say. The collation of the query excludes the other index (decision 011).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_window_has_own(event_domain text)
returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
declare
    v_own constant xid8 := pg_current_xact_id();
begin
    -- `between x and x`, not `= x`: after a bulk load the planner estimates that an equality matches every
    -- row, and gives both indexes the same cost (decision 011). Not `exists`, because PostgreSQL drops its
    -- limit.
    return (
        select true from public.event_outbox as o
        where o.event_domain collate "POSIX" = fn_iu_window_has_own.event_domain
            and o.emitted_xid between v_own and v_own
        order by o.emitted_xid, o.event_seq limit 1
    ) is not null;
end
$$;
comment on function public.fn_iu_window_has_own(text) is
'Whether the current transaction has emitted events of the domain. One index probe. Read-only.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_window_has_own(text)', 'internal');
