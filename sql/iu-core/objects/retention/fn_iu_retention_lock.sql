create or replace function public.fn_iu_retention_lock(for_round boolean)
returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '50ms'
as $$
begin
    -- A table lock: any login could take an advisory lock and hold it (decision 040).
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
'Excludes rounds of retention and what may move a cursor back from each other until the transaction ends.
for_round: excludes other rounds, seeks and the first runs of new workers; otherwise excludes only rounds.
Waits at most 50 ms; false if the lock is not available. Locks iu_retention_history, which runs of existing
workers do not lock. The caller must read cursors and events in a later statement.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_retention_lock(boolean)', 'internal');
