-- enable_seqscan and enable_bitmapscan off: a backward index scan meets the newest row version first. While
-- any snapshot is held, vacuum cannot remove old versions, and an equality lookup would visit all of them
-- (decision 013).
create or replace function public.fn_iu_tally_add(tally_key text, attempts bigint, failed bigint, sent bigint)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
begin
    update public.iu_route_attempt_tally as t
    set attempts = t.attempts + attempts, failed = t.failed + failed, sent = t.sent + sent
    where t.ctid = (
        select k.ctid from public.iu_route_attempt_tally as k
        where k.tally_key between tally_key and tally_key order by k.tally_key desc limit 1
    );
    if not found then
        insert into public.iu_route_attempt_tally as t (tally_key, attempts, failed, sent)
        values (tally_key, attempts, failed, sent)
        on conflict on constraint iu_route_attempt_tally_pkey do update
        set attempts = t.attempts + excluded.attempts, failed = t.failed + excluded.failed,
            sent = t.sent + excluded.sent;
    end if;
end
$$;
comment on function public.fn_iu_tally_add(text, bigint, bigint, bigint) is
'Adds to the counts of a row of iu_route_attempt_tally. Creates the row if it does not exist. Locks it until
the end of the transaction.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_tally_add(text, bigint, bigint, bigint)', 'internal'
);
