create or replace function public.fn_iu_delivery_gate_require(key text, value text)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_gate public.dot_config;
begin
    perform public.fn_iu_argument_require('key', key, 200);
    select c.* into v_gate from public.dot_config as c where c.key = fn_iu_delivery_gate_require.key;
    if v_gate.key is null then
        raise exception 'unknown gate or setting %', quote_literal(key) using
            errcode = 'IU202',
            hint = (select 'Known: ' || string_agg(c.key, ', ' order by c.key) from public.dot_config as c);
    end if;
    if value is null or value !~ v_gate.value_pattern then
        raise exception 'value % does not fit %', coalesce(quote_literal(left(value, 80)), 'null'), key using
            errcode = 'IU202', hint = format('The value must match %s', v_gate.value_pattern);
    end if;
    if key = public.fn_iu_gate_key('live_routes') then
        perform public.fn_iu_live_routes_require(value);
    end if;
end
$$;
comment on function public.fn_iu_delivery_gate_require(text, text) is
'Raises IU202 for a key that no gate or setting has, or a value that does not fit it, as fn_iu_gate_set would;
IU104 for an empty key.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_gate_require(text, text)', 'internal'
);
