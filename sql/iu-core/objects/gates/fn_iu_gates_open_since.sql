create or replace function public.fn_iu_gates_open_since()
returns timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_keys constant text [] := array[public.fn_iu_gate_key('master'), public.fn_iu_gate_key('worker')];
begin
    return (
        select max(c.updated_at) from public.dot_config as c
        where c.key = any(v_keys) having count(*) filter (where c.value = 'true') = cardinality(v_keys)
    );
end
$$;
comment on function public.fn_iu_gates_open_since() is
'When the master or worker gate was last changed, if both are open; otherwise null.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_gates_open_since()', 'internal');
