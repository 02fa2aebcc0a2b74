create or replace function public.fn_iu_retention_lock(for_round boolean)
returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '50ms'
as $$
begin
    -- A table lock, for a stranger who may only log in can take an advisory lock and hold it (decision 040).
    if for_round then
        lock table public.iu_retention_history in share row exclusive mode;
    else
        lock table public.iu_retention_history in row exclusive mode;
    end if;
    return true;
exception when lock_not_available then
    return false;
end
$$;
comment on function public.fn_iu_retention_lock(boolean) is
'Keeps rounds of retention and what may move a cursor back apart until the transaction ends:
for_round excludes other rounds, seeks and the first run of a new worker; without it, only
rounds are excluded. Waits at most 50 ms; false where the lock could not be had. Locks
iu_retention_history; runs of workers that have a cursor take no such lock. The caller looks at
cursors and events in a later statement.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_retention_lock(boolean)', 'internal');
