create or replace function public.fn_iu_gates_recheck(keys text[])
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- At read committed a gate is read in a snapshot of this moment. Above it its value is as old as the
    -- transaction, and locking the row finds out: it raises 40001 where the row changed since. A row that
    -- another transaction is changing is skipped, for that change is not committed. The savepoint gives the
    -- locks back at once, so that whoever closes the gate never waits for a run (decision 042).
    perform from public.dot_config as c where c.key = any (keys) for share skip locked;
    raise savepoint_exception;
exception when savepoint_exception then
    return;
end
$$;
comment on function public.fn_iu_gates_recheck(text[]) is
'For a run or replay above read committed that has found these gates open in its snapshot: raises 40001
where the row of one was changed or deleted since the transaction took it. Costs a transaction id, locks
the rows for the moment of the call, waits for nobody. At read committed it finds nothing and is not
called.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_gates_recheck(text[])', 'internal');
