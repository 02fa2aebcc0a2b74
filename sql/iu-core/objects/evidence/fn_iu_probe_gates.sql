create or replace function public.fn_iu_probe_gates()
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select jsonb_object_agg(c.key, c.value) from public.dot_config as c
$$;
comment on function public.fn_iu_probe_gates() is
'All settings and gates with their values: a probe must not change them.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_probe_gates()', 'inspect');
