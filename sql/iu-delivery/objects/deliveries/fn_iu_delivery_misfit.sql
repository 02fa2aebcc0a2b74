-- enable_seqscan off: the newest events are read by their index (decision 072).
create or replace function public.fn_iu_delivery_misfit(newest int default null)
returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
as $$
declare
    -- Of many routes each has a part, so that the cost does not depend on their number.
    v_each constant bigint := greatest(
        100, newest / greatest(1, (select count(*) from public.iu_delivery_route as d))
    );
    v_route record;
    v_seq bigint;
    v_fault record;
begin
    perform public.fn_iu_delivery_newest_require(newest);
    for v_route in
        select r.route_code, e.last_seq, case when newest is null then q.first_seq else coalesce((
            select o.event_seq from public.event_outbox as o where o.event_domain = r.event_domain
            order by o.event_seq desc limit 1 offset v_each - 1
        ), q.first_seq) end as from_seq
        from public.iu_delivery_route as r
        cross join lateral (
            select least(
                coalesce((select min(o.event_seq) from public.event_outbox as o
                    where o.event_domain = r.event_domain), 0),
                (select min(d.event_seq) from public.iu_delivery as d where d.route_no = r.route_no)
            ) as first_seq
        ) as q
        cross join lateral (
            select greatest(
                coalesce((select max(o.event_seq) from public.event_outbox as o
                    where o.event_domain = r.event_domain), 0),
                (select max(d.event_seq) from public.iu_delivery as d where d.route_no = r.route_no)
            ) as last_seq
        ) as e
        order by r.route_code
    loop
        v_seq := v_route.from_seq;
        while v_seq <= v_route.last_seq loop
            select c.* into v_fault
            from public.fn_iu_delivery_conservation(v_route.route_code, v_seq, v_seq + 99999) as c
            where c.state in ('missing', 'conflicting', 'no_event') limit 1;
            if found then
                return format(
                    '%s events of route %s are %s, the first is %s', v_fault.deliveries, v_route.route_code,
                    v_fault.state, v_fault.first_event_id
                );
            end if;
            v_seq := v_seq + 100000;
        end loop;
    end loop;
    return null;
end
$$;
comment on function public.fn_iu_delivery_misfit(int) is
'The first fault that fn_iu_delivery_conservation finds among the newest events of the domains of the live
routes (newest in all, at least 100 for each), or among all if newest is null, as a sentence; null if each
event is in exactly one state. Raises IU104 if newest is below 1. In parts of 100,000 numbers, in constant
memory. Read-only.';
select public.fn_iu_object_declare('iu-delivery', 'function', 'public.fn_iu_delivery_misfit(int)', 'explain');
