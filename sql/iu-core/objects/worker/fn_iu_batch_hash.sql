create or replace function public.fn_iu_batch_hash(batch public.iu_route_batch)
returns bytea
language sql stable parallel safe
return sha256(convert_to(
    concat_ws(
        '|', encode((batch).previous_hash, 'hex'), (batch).batch_id, (batch).worker_name,
        (batch).event_domain, coalesce((batch).run_ref, ''),
        extract(epoch from (batch).started_at), extract(epoch from (batch).finished_at),
        (batch).seen, (batch).attempts_written, (batch).dry_run, (batch).skipped, (batch).failed,
        (batch).dead_lettered,
        (batch).first_event_seq, (batch).last_event_seq, coalesce((batch).last_attempt_id, 0)
    ), 'UTF8'
));
comment on function public.fn_iu_batch_hash(public.iu_route_batch) is
'sha256 of the columns of a batch and of previous_hash, the batch_hash of the worker''s previous batch. The
hashes form a chain, so that a changed, removed or moved row is detected.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_batch_hash(public.iu_route_batch)',
    'inspect'
);
