create or replace function public.fn_iu_delivery_batch_hash(batch public.iu_delivery_batch)
returns bytea
language sql stable parallel safe
return sha256(convert_to(
    concat_ws(
        '|', encode((batch).previous_hash, 'hex'), (batch).batch_id, (batch).route_no,
        (batch).promotion_no, quote_nullable((batch).run_ref),
        extract(epoch from (batch).started_at), extract(epoch from (batch).finished_at),
        (batch).seen, (batch).queued, (batch).outside_canary, (batch).first_event_seq,
        (batch).last_event_seq
    ), 'UTF8'
));
comment on function public.fn_iu_delivery_batch_hash(public.iu_delivery_batch) is
'sha256 of the columns of a batch and of previous_hash, the batch_hash of the previous batch of the route.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_batch_hash(public.iu_delivery_batch)', 'explain'
);
