create or replace function public.fn_iu_audit_attempts_verify(
    worker_name text, from_batch_id bigint default null, to_batch_id bigint default null
)
returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_part record;
    v_batch_id bigint;
    v_attempt_id bigint;
    v_fault text;
    v_after bigint := greatest(from_batch_id, 1) - 1;
    v_batches bigint := 0;
    v_attempts numeric := 0;
begin
    loop
        select max(p.batch_id) as last_batch_id, count(*) as batches, sum(p.attempts_written) as attempts
        into v_part
        from (
            select b.batch_id, b.attempts_written,
                sum(b.attempts_written) over (order by b.batch_id) as so_far
            from (
                select k.batch_id, k.attempts_written from public.iu_route_batch as k
                where k.worker_name = fn_iu_audit_attempts_verify.worker_name and k.batch_id > v_after
                    and (to_batch_id is null or k.batch_id <= to_batch_id)
                order by k.batch_id limit 1000
            ) as b
        ) as p
        where p.so_far - p.attempts_written < 20000;
        exit when v_part.last_batch_id is null;
        select m.batch_id, m.attempt_id, m.fault into v_batch_id, v_attempt_id, v_fault
        from (
            select r.batch_id, r.attempt_id, r.fault
            from public.fn_iu_audit_attempts_misfit(worker_name, v_after + 1, v_part.last_batch_id) as r
            union all
            select c.batch_id, null, c.fault
            from public.fn_iu_audit_counts_misfit(worker_name, v_after + 1, v_part.last_batch_id) as c
        ) as m
        where m.fault is not null
        order by m.batch_id, m.attempt_id nulls last
        limit 1;
        exit when v_fault is not null;
        v_after := v_part.last_batch_id;
        v_batches := v_batches + v_part.batches;
        v_attempts := v_attempts + v_part.attempts;
    end loop;
    return jsonb_build_object(
        'worker_name', worker_name, 'fits', v_fault is null, 'batches', v_batches, 'attempts', v_attempts,
        'misfit_batch_id', v_batch_id, 'misfit_attempt_id', v_attempt_id, 'fault', v_fault
    );
end
$$;
comment on function public.fn_iu_audit_attempts_verify(text, bigint, bigint) is
'Compares the attempts of a worker''s batches, all or from one batch to another, with iu_route_batch, the
outbox, the history of the routes and the dead letters, some thousand attempts at a time. Returns
{"worker_name", "fits", "batches" and "attempts" (how many were correct), "misfit_batch_id",
"misfit_attempt_id", "fault" (a message about the first row that is wrong)}. Reads one snapshot; takes no
lock.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_audit_attempts_verify(text, bigint, bigint)',
    'inspect'
);
