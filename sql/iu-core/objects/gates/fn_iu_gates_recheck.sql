create or replace function public.fn_iu_gates_recheck(keys text[])
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- At read committed every statement sees the current value. Above it the value is as old as the
    -- transaction; locking the row raises 40001 if it changed since. A row that another transaction is
    -- changing is skipped, because that change is not committed. The savepoint releases the locks at once, so
    -- that closing a gate never waits for a run (decision 042).
    perform from public.dot_config as c where c.key = any (keys) for share skip locked;
    raise savepoint_exception;
exception when savepoint_exception then
    return;
end
$$;
comment on function public.fn_iu_gates_recheck(text[]) is
'For a run or replay above read committed that has seen these gates open in its snapshot: raises 40001 if the
row of one was changed or deleted after the snapshot. Assigns a transaction id, locks the rows only for the
duration of the call, waits for nobody. Has no effect at read committed and is not called there.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_gates_recheck(text[])', 'internal');
