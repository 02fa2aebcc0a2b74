create or replace function public.fn_iu_gate_note(key text, value text)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_name constant text := (
        select n from unnest(array['master', 'worker', 'delivery', 'live_routes', 'jobs']) as n
        where public.fn_iu_gate_key(n) = key
    );
    v_asked constant text := public.fn_iu_gate_key(
        case v_name when 'worker' then 'master' when 'master' then 'worker'
            when 'live_routes' then 'delivery' when 'delivery' then 'live_routes' end
    );
    v_delivers constant boolean := exists (
        select from public.fn_iu_target_kinds() as k
        inner join public.iu_schema_step as s on k.module = s.module
    );
begin
    if v_name is null or (case v_name when 'live_routes' then value !~ '\S' else value <> 'true' end) then
        return null;
    elsif v_name in ('delivery', 'live_routes', 'jobs') and not v_delivers then
        return format('no effect yet: no module that %s is installed',
            case v_name when 'jobs' then 'starts jobs' else 'delivers' end);
    elsif v_name = 'delivery' and coalesce(
        (select c.value !~ '\S' from public.dot_config as c where c.key = v_asked), true
    ) then
        return format('no effect yet: no route is live (%s is empty)', v_asked);
    elsif v_name = 'live_routes' and not public.fn_iu_gate_open(v_asked) then
        return format('no effect yet: the delivery gate %s is closed', v_asked);
    elsif v_name = 'worker' and not public.fn_iu_gate_open(v_asked) then
        return format('no effect yet: the master gate %s is closed', v_asked);
    elsif v_name = 'master' and not public.fn_iu_gate_open(v_asked) then
        return format('dead letters can be replayed; no worker runs, because the worker gate %s is closed',
            v_asked);
    end if;
    return null;
end
$$;
comment on function public.fn_iu_gate_note(text, text) is
'Why a gate that is opened has no effect, or a partial one; null if it has its effect, is closed, or is a
setting: no module uses it, another gate is closed, or no route is live.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_gate_note(text, text)', 'internal');
