create or replace function public.fn_iu_delivery_shards_lease(
    given public.iu_delivery_target, sender text
)
returns smallint[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_now constant timestamptz := clock_timestamp();
    v_lease constant interval := make_interval(secs => given.lease_seconds);
begin
    -- The caller holds the lock of the state of the target, so that no other sender changes its shards. A
    -- lease is renewed when half of it has passed, so that most claims write no shard. The shares add up to
    -- 64 and differ by one at most; who has most already gets the larger one, so that no shard moves in vain.
    with shares as (
        select o.owner, 64 / count(*) over () + (
                row_number() over (order by o.shards desc, o.owner) <= mod(64, count(*) over ())
            )::int as share
        from (
            select w.owner, count(w.shard) as shards from (
                select s.owner, s.shard from public.iu_delivery_shard as s
                where s.target_no = given.target_no and s.lease_until > v_now
                union all select sender, null
            ) as w group by w.owner
        ) as o
    )
    update public.iu_delivery_shard as s
    set owner = case when m.is_mine then sender end,
        epoch = s.epoch + (s.owner is distinct from sender or not m.is_mine)::int,
        lease_until = case when m.is_mine then v_now + v_lease end
    from (
        select k.shard, k.is_own,
            row_number() over (order by k.is_own desc, k.is_leased, k.shard)
            <= (select f.share from shares as f where f.owner = sender) as is_mine
        from (
            select h.shard, l.is_leased, l.is_leased and h.owner = sender as is_own,
                row_number() over (partition by h.owner, l.is_leased order by h.shard) > f.share as is_excess
            from public.iu_delivery_shard as h
            cross join lateral (select coalesce(h.lease_until > v_now, false) as is_leased) as l
            left join shares as f on f.owner = h.owner
            where h.target_no = given.target_no
        ) as k
        where k.is_own or not k.is_leased or k.is_excess
    ) as m
    where s.target_no = given.target_no and s.shard = m.shard
        and case when m.is_own then not m.is_mine or s.lease_until < v_now + v_lease / 2 else m.is_mine end;
    return array(
        select s.shard from public.iu_delivery_shard as s
        where s.target_no = given.target_no and s.owner = sender and s.lease_until > v_now
        order by s.shard
    );
end
$$;
comment on function public.fn_iu_delivery_shards_lease(public.iu_delivery_target, text) is
'The shards of a target that a sender owns from now on: it renews its leases, takes shards that nobody leases
or that another sender leases beyond its share (64 divided by the number of senders, rounded so that all
shares add up to 64), and gives back what is more than its own share. So a sender that joins gets a share at
once. The caller holds the lock of the state of the target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_shards_lease(public.iu_delivery_target, text)', 'internal'
);
