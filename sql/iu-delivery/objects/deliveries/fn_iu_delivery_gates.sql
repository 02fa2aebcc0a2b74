create or replace function public.fn_iu_delivery_gates()
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_object_agg(c.key, c.value), '{}') from public.dot_config as c
    where c.key in (
        public.fn_iu_gate_key('master'), public.fn_iu_gate_key('delivery'),
        public.fn_iu_gate_key('live_routes'), public.fn_iu_gate_key('jobs')
    )
$$;
comment on function public.fn_iu_delivery_gates() is
'The values of the gates that a claim asks, by their keys. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_gates()', 'internal'
);
