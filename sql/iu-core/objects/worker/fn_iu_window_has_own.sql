create or replace function public.fn_iu_window_has_own(event_domain text)
returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
declare
    v_own constant xid8 := pg_current_xact_id();
begin
    return exists (
        select from public.event_outbox as o
        where o.event_domain = fn_iu_window_has_own.event_domain and o.emitted_xid between v_own and v_own
    );
end
$$;
comment on function public.fn_iu_window_has_own(text) is
'Whether the transaction itself has emitted events of the domain. One index probe. Reads only.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_window_has_own(text)', 'internal');
