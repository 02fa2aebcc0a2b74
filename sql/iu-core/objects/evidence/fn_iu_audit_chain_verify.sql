-- enable_seqscan and enable_bitmapscan off: read only the requested batches of the worker, in the order of
-- iu_route_batch_by_worker; a session may have planned while the table was small (decision 011).
create or replace function public.fn_iu_audit_chain_verify(
    worker_name text, from_batch_id bigint default null, to_batch_id bigint default null
)
returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    v_cursor_hash bytea := (
        select c.last_batch_hash from public.iu_route_worker_cursor as c
        where c.worker_name = fn_iu_audit_chain_verify.worker_name and c.cursor_kind = 'audit'
    );
    v_newest public.iu_route_batch;
    v_before public.iu_route_batch;
    v_batch public.iu_route_batch;
    v_batches bigint := 0;
    v_fault text;
    v_at bigint;
begin
    select b.* into v_newest from public.iu_route_batch as b
    where b.worker_name = fn_iu_audit_chain_verify.worker_name order by b.batch_id desc limit 1;
    select b.* into v_before from public.iu_route_batch as b
    where b.worker_name = fn_iu_audit_chain_verify.worker_name and b.batch_id < from_batch_id
    order by b.batch_id desc limit 1;
    for v_batch in
        select b.* from public.iu_route_batch as b
        where b.worker_name = fn_iu_audit_chain_verify.worker_name
            and b.batch_id >= coalesce(from_batch_id, 0)
            and (to_batch_id is null or b.batch_id <= to_batch_id)
        order by b.batch_id
    loop
        v_at := v_batch.batch_id;
        v_fault := case
            when v_batch.previous_hash is not distinct from coalesce(v_before.batch_hash, '\x') then case
                when v_batch.batch_hash is distinct from public.fn_iu_batch_hash(v_batch)
                then format('batch %s was altered: its hash does not match its columns', v_at)
            end
            when v_before.batch_id is null
            then format('batch %s is the first, but has the hash of an earlier batch, now deleted', v_at)
            else format(
                'batch %s does not follow batch %s: one was altered, deleted or moved',
                v_at, v_before.batch_id)
        end;
        exit when v_fault is not null;
        v_batches := v_batches + 1;
        v_before := v_batch;
    end loop;
    if v_fault is null and (to_batch_id is null or to_batch_id >= v_newest.batch_id)
        and coalesce(v_newest.batch_hash, '\x') is distinct from v_cursor_hash
        and (v_newest.batch_id is not null or v_cursor_hash is not null)
    then
        v_at := v_newest.batch_id;
        v_fault := case
            when v_cursor_hash is null then format('worker %s has batches but no cursor', worker_name)
            when v_newest.batch_id is null then format(
                'worker %s has no batch, but its cursor has the hash of one, which was deleted', worker_name)
            else format(
                'batch %s is the newest, but the cursor has another hash: a later batch was deleted', v_at)
        end;
    end if;
    return jsonb_build_object(
        'worker_name', worker_name, 'fits', v_fault is null, 'batches', v_batches,
        'misfit_batch_id', case when v_fault is not null then v_at end, 'fault', v_fault,
        'newest_batch_id', v_newest.batch_id, 'newest_hash', encode(v_newest.batch_hash, 'hex')
    );
end
$$;
comment on function public.fn_iu_audit_chain_verify(text, bigint, bigint) is
'Recomputes the hash chain of a worker''s batches, all or from one batch to another, row by row in constant
memory, and compares the newest hash with that of the cursor. Returns {"worker_name", "fits", "batches" (how
many were correct), "misfit_batch_id", "fault" (a message about the first row that is wrong),
"newest_batch_id", "newest_hash"}. Reads one snapshot; takes no lock.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_audit_chain_verify(text, bigint, bigint)',
    'inspect'
);
