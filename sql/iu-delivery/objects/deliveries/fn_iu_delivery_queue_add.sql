create or replace function public.fn_iu_delivery_queue_add(
    batch public.iu_delivery_batch, seqs bigint[], ids uuid[], subjects uuid[], held uuid[]
)
returns int
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_added int;
begin
    insert into public.iu_delivery (
        route_no, event_seq, event_id, subject, promotion_no, route_version, target_version, shard, is_head
    )
    select batch.route_no, e.seq, e.id, e.subject, p.promotion_no, p.route_version, p.target_version,
        public.fn_iu_delivery_shard(e.subject),
        h.subject is null and row_number() over (partition by e.subject order by e.seq) = 1
    from unnest(seqs, ids, subjects) as e (seq, id, subject)
    inner join public.iu_route_promotion as p on p.promotion_no = batch.promotion_no
    left join (select distinct k as subject from unnest(held) as k) as h on h.subject = e.subject
    order by e.seq;
    get diagnostics v_added = row_count;
    return v_added;
end
$$;
comment on function public.fn_iu_delivery_queue_add(
    public.iu_delivery_batch, bigint[], uuid[], uuid[], uuid[]
) is
'Adds deliveries to the queue in the order of event_seq, and returns their number. The first of a subject is
its head, unless held has the subject.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_queue_add(public.iu_delivery_batch, bigint[], uuid[], uuid[], uuid[])',
    'internal'
);
