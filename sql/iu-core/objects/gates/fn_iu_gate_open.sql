create or replace function public.fn_iu_gate_open(key text)
returns boolean
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    return coalesce(
        (select c.value = 'true' from public.dot_config as c where c.key = fn_iu_gate_open.key), false
    );
end
$$;
comment on function public.fn_iu_gate_open(text) is
'Whether a gate is open: only if its value is exactly true. A missing row is closed.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_gate_open(text)', 'inspect');
