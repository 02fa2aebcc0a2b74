-- enable_seqscan, enable_bitmapscan and enable_sort off: batches are read in the order of their index
-- (decision 011).
create or replace function public.fn_iu_delivery_batches_verify(newest bigint)
returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
    v_route record;
    v_found record;
    v_batches bigint := 0;
begin
    for v_route in
        select r.route_no, r.route_code, c.last_batch_hash, (
            select h.through_hash from public.iu_delivery_retention_history as h
            where h.route_no = r.route_no order by h.retention_no desc limit 1
        ) as anchor_hash, case when newest is not null then (
            select k.batch_id from public.iu_delivery_batch as k where k.route_no = r.route_no
            order by k.batch_id desc limit 1 offset newest - 1
        ) end as from_id
        from public.iu_delivery_route as r
        left join public.iu_route_worker_cursor as c on c.worker_name = 'live:' || r.route_no
        order by r.route_no
    loop
        select count(*) as batches, (
                select k.batch_hash from public.iu_delivery_batch as k where k.route_no = v_route.route_no
                order by k.batch_id desc limit 1
            ) as last_hash,
            min(b.batch_id) filter (
                where b.batch_hash <> public.fn_iu_delivery_batch_hash(b.b)
            ) as altered_id,
            min(b.batch_id) filter (where b.previous_hash <> b.expected_hash) as unlinked_id
        into v_found
        from (
            select b, b.batch_id, b.batch_hash, b.previous_hash, lag(
                b.batch_hash, 1,
                case when v_route.from_id is null then coalesce(v_route.anchor_hash, '\x')
                    else b.previous_hash end
            ) over (order by b.batch_id) as expected_hash
            from public.iu_delivery_batch as b
            where b.route_no = v_route.route_no and b.batch_id >= coalesce(v_route.from_id, 0)
        ) as b;
        v_batches := v_batches + v_found.batches;
        if v_found.altered_id is not null or v_found.unlinked_id is not null then
            return jsonb_build_object('batches', v_batches, 'fault', case
                when v_found.altered_id <= v_found.unlinked_id or v_found.unlinked_id is null
                then format('batch %s of route %s was altered', v_found.altered_id, v_route.route_code)
                else format(
                    'batch %s of route %s does not follow the one before: one was deleted or moved',
                    v_found.unlinked_id, v_route.route_code
                )
            end);
        elsif coalesce(v_found.last_hash, v_route.anchor_hash, '\x')
            is distinct from v_route.last_batch_hash then
            return jsonb_build_object('batches', v_batches, 'fault', format(
                'the cursor of route %s has the hash of a batch that was deleted', v_route.route_code
            ));
        end if;
    end loop;
    return jsonb_build_object('batches', v_batches, 'fault', null);
end
$$;
comment on function public.fn_iu_delivery_batches_verify(bigint) is
'The part of fn_iu_delivery_chain_verify about batches: {"batches", "fault"}.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_batches_verify(bigint)', 'internal'
);
