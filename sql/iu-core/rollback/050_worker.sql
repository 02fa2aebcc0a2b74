-- Undoes 050. Refuses if attempts, batches, dead letters or the record of retention would be lost.
do $refuse$
begin
    if exists (select from public.iu_route_attempt_log) or exists (select from public.iu_route_batch)
        or exists (select from public.iu_route_dead_letter)
        or exists (select from public.iu_retention_history)
    then
        raise exception 'rollback of 050_worker would lose attempts, batches, '
            'dead letters or the record of retention' using
            errcode = 'IU901',
            hint = 'The audit is evidence. To remove it, dump iu_route_attempt, iu_route_batch and '
                'iu_route_dead_letter, and drop the database.';
    end if;
end
$refuse$;
drop table public.iu_retention_history;
drop table public.iu_route_dead_letter;
drop table public.iu_route_attempt_tally;
drop table public.iu_route_attempt_log;
drop table public.iu_route_batch;
drop table public.iu_route_worker_seek;
drop table public.iu_route_worker_cursor;
drop type public.iu_attempts_request;
drop type public.iu_attempt;
select public.fn_iu_step_forget('iu-core', '050_worker');
