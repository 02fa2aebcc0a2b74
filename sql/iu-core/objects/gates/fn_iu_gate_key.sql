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
'The key in dot_config of the gate that is called master, worker, delivery, live_routes or jobs, and
null for any other name: a gate without a key is closed and cannot be set. Called with a literal it is
a constant of the plan.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_gate_key(text)', 'inspect');
