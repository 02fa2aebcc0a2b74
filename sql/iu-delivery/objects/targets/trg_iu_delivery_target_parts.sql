create or replace function public.fn_iu_delivery_target_parts()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
    v_routes text;
    v_queued bigint;
begin
    if tg_op = 'INSERT' then
        insert into public.iu_delivery_target_state (target_no) values (new.target_no);
        insert into public.iu_delivery_shard (target_no, shard)
        select new.target_no, s.shard from generate_series(0, 63) as s (shard);
        return new;
    end if;
    select string_agg(r.route_code, ', ' order by r.route_code), coalesce(sum(q.deliveries), 0)
    into v_routes, v_queued
    from public.iu_delivery_route as r
    cross join lateral (
        select count(*) as deliveries from public.iu_delivery as d where d.route_no = r.route_no
    ) as q
    where r.target_no = old.target_no;
    if v_routes is not null then
        raise exception 'target % is in use by %, with % deliveries in the queue', old.target_name, v_routes,
            v_queued using
            errcode = 'IU607',
            hint = format(
                'Claims and outcomes refer to a target to which a route was promoted, so it stays. Disable '
                'it with: iu target disable %s', old.target_name
            );
    end if;
    insert into public.iu_delivery_target_version (target_no, target_name, definition)
    values (old.target_no, old.target_name, '{"removed": true}');
    delete from public.iu_delivery_target_state as s where s.target_no = old.target_no;
    return old;
end
$$;
comment on function public.fn_iu_delivery_target_parts() is
'Trigger function: gives a new target its state and its 64 shards, and removes the state with the target.
Raises IU607 for the removal of a target to which a route was promoted, whether or not deliveries are
queued.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_target_parts()', 'internal'
);

select public.fn_iu_trigger_ensure(
    'iu-delivery',
    'create trigger trg_iu_delivery_target_begin after insert on public.iu_delivery_target '
    'for each row execute function public.fn_iu_delivery_target_parts()'
);
select public.fn_iu_trigger_ensure(
    'iu-delivery',
    'create trigger trg_iu_delivery_target_end before delete on public.iu_delivery_target '
    'for each row execute function public.fn_iu_delivery_target_parts()'
);
