create or replace function public.fn_iu_capture_require(
    capture_no int, relation oid, trigger_name name, happens text, level text
)
returns public.iu_inbound_route
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_capture public.iu_inbound_route;
begin
    select r.* into v_capture from public.iu_inbound_route as r
    where r.capture_no = fn_iu_capture_require.capture_no;
    if relation is distinct from public.fn_iu_capture_table(v_capture.source_table)
        or trigger_name !~ format('^trg_iu_capture_%s_%s_', v_capture.source_op, capture_no)
        or happens <> 'AFTER' or level <> 'STATEMENT'
    then
        raise exception 'the trigger function of capture % belongs to %, but trigger % of % calls it',
            coalesce(v_capture.route_code, capture_no::text), coalesce(v_capture.source_table, 'no table'),
            trigger_name, relation::regclass using
            errcode = 'IU703',
            hint = 'Attach it only with the statements of iu capture show. If the table was renamed, change '
                'the capture to its new name.';
    end if;
    return case when v_capture.enabled then v_capture end;
end
$$;
comment on function public.fn_iu_capture_require(int, oid, name, text, text) is
'The capture for which a trigger function runs; null if it is off. Raises IU703 if another table or another
trigger calls the function.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_require(int, oid, name, text, text)', 'internal'
);
