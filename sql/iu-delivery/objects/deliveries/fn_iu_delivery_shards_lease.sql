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
    v_fair int;
begin
    -- The caller holds the lock of the state of the target, so that no other sender changes its shards. A
    -- lease is renewed when half of it has passed, so that most claims write no shard.
    select ceil(64.0 / count(distinct o.owner)) into v_fair from (
        select s.owner from public.iu_delivery_shard as s
        where s.target_no = given.target_no and s.lease_until > v_now
        union all select sender
    ) as o;
    update public.iu_delivery_shard as s
    set owner = case when m.place <= v_fair then sender end,
        epoch = s.epoch + (s.owner is distinct from sender or m.place > v_fair)::int,
        lease_until = case when m.place <= v_fair then v_now + v_lease end
    from (
        select k.shard,
            row_number() over (
                order by coalesce(k.owner = sender and k.lease_until > v_now, false) desc,
                    coalesce(k.lease_until > v_now, false), k.shard
            ) as place
        from (
            select h.*, row_number() over (
                    partition by h.owner, h.lease_until > v_now order by h.shard
                ) > v_fair as is_excess
            from public.iu_delivery_shard as h where h.target_no = given.target_no
        ) as k
        where k.owner = sender or k.lease_until is null or k.lease_until <= v_now or k.is_excess
    ) as m
    where s.target_no = given.target_no and s.shard = m.shard
        and case
            when s.owner = sender and s.lease_until > v_now
                then m.place > v_fair or s.lease_until < v_now + v_lease / 2
            else m.place <= v_fair
        end;
    return array(
        select s.shard from public.iu_delivery_shard as s
        where s.target_no = given.target_no and s.owner = sender and s.lease_until > v_now
        order by s.shard
    );
end
$$;
comment on function public.fn_iu_delivery_shards_lease(public.iu_delivery_target, text) is
'The shards of a target that a sender owns from now on: it renews its leases, takes shards that nobody leases
or that another sender leases beyond its share (64 divided by the number of senders), and gives back what is
more than its own share. So a sender that joins gets a share at once. The caller holds the lock of
the state of the target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_shards_lease(public.iu_delivery_target, text)', 'internal'
);
