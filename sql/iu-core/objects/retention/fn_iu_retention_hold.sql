create or replace function public.fn_iu_retention_hold(event_domain text)
returns table (event_seq bigint, reason text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_function text;
    v_seq bigint;
    v_reason text;
begin
    for v_function in
        select f from public.fn_iu_module_functions('public.fn\_iu\_%\_retention\_hold(text)') as f
    loop
        execute format('select h.event_seq, h.reason from %s($1) as h', v_function)
        into v_seq, v_reason using event_domain;
        if v_seq < event_seq or event_seq is null then
            event_seq := v_seq;
            reason := v_reason;
        end if;
    end loop;
    if event_seq is not null then
        return next;
    end if;
end
$$;
comment on function public.fn_iu_retention_hold(text) is
'The first event of a domain that a module holds, and why, as a sentence; no row if none does. Asks each
function public.fn_iu_NAME_retention_hold(text) of a module in the manifest (decision 070); it returns
(event_seq, reason), at most one row, and must be stable.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_retention_hold(text)', 'internal'
);
