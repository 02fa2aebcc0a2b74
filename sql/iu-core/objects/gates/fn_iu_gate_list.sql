create or replace function public.fn_iu_gate_list()
returns table (
    key text, value text, is_open boolean, description text, updated_at timestamptz, updated_by text
)
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select
        gate.key,
        c.value,
        case gate.name
            when 'live_routes' then coalesce(c.value ~ '\S', false)
            else public.fn_iu_gate_open(gate.key)
        end,
        c.description,
        c.updated_at,
        c.updated_by
    from (
        select known.name, public.fn_iu_gate_key(known.name) as key, known.place
        from unnest(
            array['master', 'worker', 'delivery', 'live_routes', 'jobs']
        ) with ordinality as known (name, place)
    ) as gate
    left join public.dot_config as c on gate.key = c.key
    order by gate.place
$$;
comment on function public.fn_iu_gate_list() is
'All gates in a fixed order, the master gate first. A gate is open only if its value is exactly true; the list
of live routes is open if it is not empty. A gate without a row in dot_config is listed with nulls and is
closed. All other rows of dot_config are settings.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_gate_list()', 'inspect');
