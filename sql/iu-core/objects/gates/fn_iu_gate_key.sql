create or replace function public.fn_iu_gate_key(name text)
returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case name
        when 'master' then 'iu_core.routes_enabled'
        when 'worker' then 'iu_core.route_worker_enabled'
        when 'delivery' then 'iu_core.delivery_enabled'
        when 'live_routes' then 'iu_core.delivery_live_routes'
        when 'jobs' then 'queue.job_substrate.enabled'
    end
$$;
comment on function public.fn_iu_gate_key(text) is
'The key in dot_config of the gate named master, worker, delivery, live_routes or jobs; null for any other
name, and a gate without a key is closed. With a literal argument it is a constant of the plan.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_gate_key(text)', 'inspect');
