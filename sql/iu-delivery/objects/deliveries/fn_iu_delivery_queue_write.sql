-- enable_seqscan off: the window and its events are read by their indexes (decision 011).
create or replace function public.fn_iu_delivery_queue_write(
    given public.iu_route_worker_cursor, batch public.iu_delivery_batch, asked public.iu_attempts_request,
    route public.iu_delivery_route
)
returns public.iu_delivery_batch
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    v_share constant numeric := (
        select p.share from public.iu_route_promotion as p where p.promotion_no = batch.promotion_no
    );
    v_seqs bigint [];
    v_ids uuid [];
    v_subjects uuid [];
    v_heads uuid [];
begin
    select count(*), min(c.event_seq), max(c.event_seq),
        array_agg(c.event_seq order by c.event_seq) filter (where c.event_type = route.event_type),
        array_agg(c.event_id order by c.event_seq) filter (where c.event_type = route.event_type)
    into batch.seen, batch.first_event_seq, batch.last_event_seq, v_seqs, v_ids
    from public.fn_iu_window_claim(given, asked) as c;
    batch.queued := 0;
    batch.outside_canary := 0;
    -- After a restore the cursor resumes at its first unread event and reads later ones a second time.
    if v_seqs[1] <= given.anchored_seq then
        select array_agg(e.seq order by e.seq), array_agg(e.id order by e.seq) into v_seqs, v_ids
        from unnest(v_seqs, v_ids) as e (seq, id)
        inner join public.event_outbox as o on o.event_id = e.id
        where e.seq > given.anchored_seq or not public.fn_iu_delivery_is_known(route, o);
    end if;
    if v_seqs is null then
        return batch;
    end if;
    select array_agg(coalesce(o.event_subject_ref, o.event_id) order by e.place) into v_subjects
    from unnest(v_ids) with ordinality as e (event_id, place)
    inner join public.event_outbox as o on o.event_id = e.event_id;
    if v_share < 1 then
        insert into public.iu_delivery_decision (route_no, event_seq, event_id, decision, reason)
        select route.route_no, e.seq, e.id, 'outside_canary', format('promotion %s', batch.promotion_no)
        from unnest(v_seqs, v_ids, v_subjects) as e (seq, id, subject)
        where not public.fn_iu_delivery_in_canary(e.subject, v_share)
        order by e.seq;
        get diagnostics batch.outside_canary = row_count;
        select array_agg(e.seq order by e.seq), array_agg(e.id order by e.seq),
            array_agg(e.subject order by e.seq)
        into v_seqs, v_ids, v_subjects
        from unnest(v_seqs, v_ids, v_subjects) as e (seq, id, subject)
        where public.fn_iu_delivery_in_canary(e.subject, v_share);
    end if;
    v_heads := public.fn_iu_delivery_heads_hold(route.route_no, v_subjects);
    batch.queued := public.fn_iu_delivery_queue_add(batch, v_seqs, v_ids, v_subjects, v_heads);
    return batch;
end
$$;
comment on function public.fn_iu_delivery_queue_write(
    public.iu_route_worker_cursor, public.iu_delivery_batch, public.iu_attempts_request,
    public.iu_delivery_route
) is
'Reads the next events of the open window and queues those of the event type of the route whose subjects are
in the canary. Returns the batch with its counts and event numbers. The caller holds the lock of the cursor.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_queue_write(public.iu_route_worker_cursor, public.iu_delivery_batch, '
    'public.iu_attempts_request, public.iu_delivery_route)',
    'internal'
);
