-- Undoes 070: drops every function, trigger and view of objects/. The tables and what they hold stay.
select public.fn_iu_step_forget('070_functions');

alter table public.event_outbox alter column event_id drop default;
drop view public.iu_route_attempt;

do $functions$
declare
    v_function text;
begin
    for v_function in
        select p.oid::regprocedure::text from pg_catalog.pg_proc as p
        where p.pronamespace = 'public'::regnamespace and p.proname like 'fn\_iu\_%'
            and p.proname !~ '^fn_iu_(step|proof)_'
    loop
        execute format('drop function %s cascade', v_function);  -- cascade: the triggers that call it
    end loop;
end
$functions$;
