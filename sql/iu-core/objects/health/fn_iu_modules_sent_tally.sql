create or replace function public.fn_iu_modules_sent_tally()
returns table (modules int, sent bigint, unpromoted bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_function text;
    v_sent bigint;
    v_unpromoted bigint;
begin
    modules := 0;
    sent := 0;
    unpromoted := 0;
    for v_function in
        select f from public.fn_iu_module_functions('public.fn\_iu\_%\_sent\_tally()') as f
    loop
        execute format('select t.sent, t.unpromoted from %s() as t', v_function)
        into strict v_sent, v_unpromoted;
        modules := modules + 1;
        sent := sent + v_sent;
        unpromoted := unpromoted + v_unpromoted;
    end loop;
    return next;
end
$$;
comment on function public.fn_iu_modules_sent_tally() is
'What modules have sent: the sums of each function public.fn_iu_NAME_sent_tally() of a module in the manifest
(decision 070); it returns one row (sent, unpromoted). modules is the number of these functions.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_modules_sent_tally()', 'internal'
);
