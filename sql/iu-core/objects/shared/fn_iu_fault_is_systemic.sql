create or replace function public.fn_iu_fault_is_systemic(state text)
returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select left(state, 2) in ('08', '25', '40', '53', '54', '57', '58', 'F0', 'XX')
        or state in ('55P03', '42501')
$$;
comment on function public.fn_iu_fault_is_systemic(text) is
'Whether an error with this SQLSTATE is the fault of the system and not of the event in hand:
connection, transaction state, serialization and deadlock, resources, limits, cancel and shutdown,
input and output, lock timeout, privileges. Such an error ends the invocation; nothing is set
aside.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_fault_is_systemic(text)', 'internal');
