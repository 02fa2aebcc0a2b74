-- Proof of 050: the audit is append-only and complete, and the ledger of batches is a chain.
do $proof$
declare
    v_unattempted bigint;
begin
    perform public.fn_iu_proof_note('append-only triggers of the audit', '2', (
        select count(*)::text from pg_catalog.pg_trigger as t
        where t.tgrelid in ('public.iu_route_attempt_log'::regclass, 'public.iu_route_batch'::regclass)
            and t.tgname = 'trg_iu_append_only' and t.tgenabled in ('O', 'A')
    ));
    perform public.fn_iu_proof_note('first attempts and replays are unique', '2', (
        select count(*)::text from pg_catalog.pg_index as i
        where i.indexrelid in (
            to_regclass('public.first_attempt_is_made_once'), to_regclass('public.replay_is_made_once')
        ) and i.indisunique and i.indisvalid
    ));
    select count(*) into v_unattempted
    from public.iu_route_worker_cursor as c
    cross join lateral public.fn_iu_cursor_unattempted(c, 10000) as missed
    where c.last_run_at is not null;
    perform public.fn_iu_proof_note('consumed events without an attempt, newest 10000 of each worker', '0', v_unattempted::text);
    perform public.fn_iu_proof_note('newest batches whose hash does not fit', 'none', coalesce((
        select string_agg(b.batch_id::text, ', ')
        from (select * from public.iu_route_batch order by batch_id desc limit 1000) as b
        where b.batch_hash <> public.fn_iu_batch_hash(row(b.*)::public.iu_route_batch)
    ), 'none'));
    perform public.fn_iu_proof_note('newest batches with a failure that was not set aside', 'none', coalesce((
        select string_agg(b.batch_id::text, ', ')
        from (select * from public.iu_route_batch order by batch_id desc limit 1000) as b
        where b.failed <> b.dead_lettered
    ), 'none'));
    perform public.fn_iu_proof_end('050_worker');
end
$proof$;
