create or replace function public.fn_iu_fault_is_systemic(state text)
returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select state = 'P0004' or state <> '54000' and left(state, 2) in (
        '03', '08', '0A', '0B', '0F', '0L', '0P', '0Z', '24', '25', '26', '28', '2B', '2D', '34', '39', '3B',
        '3D', '3F', '40', '42', '53', '54', '55', '57', '58', '72', 'F0', 'HV', 'XX'
    )
$$;
comment on function public.fn_iu_fault_is_systemic(text) is
'Whether an error with this SQLSTATE is a system error and not an error of the event: missing or wrong code or
objects, privileges, connections, transactions, resources, locks, cancel and shutdown, I/O, internal errors.
Such an error ends the run, and no dead letter is written. Decision 019 lists every class with the reason.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_fault_is_systemic(text)', 'internal');
