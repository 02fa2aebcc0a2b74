-- The SQL of ledgers.py.

-- name: worker_names
select worker_name from public.iu_route_worker_cursor
where cursor_kind = 'audit'
union
select worker_name from public.iu_route_batch
order by worker_name;

-- name: verify_chain
select public.fn_iu_audit_chain_verify(
    %(worker_name)s, %(from_batch)s::bigint, %(to_batch)s::bigint
) as answer;

-- name: verify_attempts
select public.fn_iu_audit_attempts_verify(
    %(worker_name)s, %(from_batch)s::bigint, %(to_batch)s::bigint
) as answer;

-- name: replays_fault
select public.fn_iu_audit_replays_misfit() as fault;

-- name: newest_batches_from
select batch_id
from public.iu_route_batch
where worker_name = %(worker_name)s
order by batch_id desc
limit 1 offset %(newer_batches)s;

-- name: newest_attempts_from
select batch_id
from (
    select
        batch_id,
        sum(attempts_written) over (order by batch_id desc) as attempts
    from (
        select
            batch_id,
            attempts_written
        from public.iu_route_batch
        where worker_name = %(worker_name)s
        order by batch_id desc
        limit %(attempts)s
    ) as newest
) as counted
where attempts >= %(attempts)s
order by batch_id desc
limit 1;

-- name: batch_hash
select encode(batch_hash, 'hex') as batch_hash
from public.iu_route_batch
where batch_id = %(batch_id)s and worker_name = %(worker_name)s;

-- name: count_batches
select count(*) as batches
from public.iu_route_batch
where worker_name = %(worker_name)s;

-- name: record_pack
select public.fn_iu_evidence_pack_record(%(pack_hash)s, %(passed)s) as pack_no;
