-- enable_seqscan, enable_hashjoin and enable_mergejoin off: each event is a few probes of indexes, so that
-- the cost depends on newest, not on what was ever delivered (decision 072).
create or replace function public.fn_iu_delivery_unrehearsed(newest int default null)
returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_variable
declare
    v_anchor constant public.event_outbox_cluster := public.fn_iu_cluster_newest();
    -- Of many routes each has a part, as in fn_iu_delivery_misfit.
    v_each constant bigint := greatest(
        100, newest / greatest(1, (select count(*) from public.iu_delivery_route as d))
    );
    v_route record;
    v_fault record;
begin
    perform public.fn_iu_delivery_newest_require(newest);
    for v_route in
        select r.*, c.worker, d.decided_at from public.iu_delivery_route as r
        inner join public.iu_route_promotion as p on p.promotion_no = r.promotion_no
        inner join public.iu_route_promotion_decision as d
            on d.promotion_no = p.promotion_no and d.decision = 'approve'
        inner join public.iu_outbound_route as o
            on o.route_no = r.route_no and o.enabled and o.route_version = p.route_version
        cross join lateral (
            select c as worker from public.iu_route_worker_cursor as c
            where c.event_domain = r.event_domain and c.cursor_kind = 'audit' and c.retired_at is null
            order by c.worker_no limit 1
        ) as c
        order by r.route_code
    loop
        select t.would, count(*) as deliveries, (array_agg(t.event_id order by t.event_seq))[1] as event_id
        into v_fault from (
            select o.event_id, o.event_seq, a.decision as would from (
                select e.* from public.event_outbox as e where e.event_domain = v_route.event_domain
                order by e.event_seq desc limit case when newest is not null then v_each end
            ) as o
            left join lateral (
                select l.decision from public.iu_route_attempt_log as l
                where l.event_id = o.event_id and l.worker_no = (v_route.worker).worker_no
                    and l.route_no in (0, v_route.route_no)
                order by l.route_no desc, l.attempt_no desc limit 1
            ) as a on true
            -- A limit of 1: a probe for each event, not a join of everything.
            cross join lateral (
                select from public.iu_delivery_claim as c
                inner join public.iu_delivery_outcome as s on s.claim_id = c.claim_id
                where c.event_id = o.event_id and c.route_no = v_route.route_no and s.decision = 'sent'
                limit 1
            ) as d
            where o.event_type = v_route.event_type and o.created_at >= v_route.decided_at
                and (
                    a.decision in ('skipped', 'failed') or (a.decision is null and
                        public.fn_iu_event_is_consumed(o.event_seq, o.emitted_xid, v_route.worker, v_anchor))
                )
        ) as t
        group by t.would order by t.would limit 1;
        if found then
            return format('route %s: the rehearsal %s, the delivery was sent: %s events, the first is %s',
                v_route.route_code, coalesce('was ' || v_fault.would, 'was not made'), v_fault.deliveries,
                v_fault.event_id);
        end if;
    end loop;
    return null;
end
$$;
comment on function public.fn_iu_delivery_unrehearsed(int) is
'The first fault among the newest events of the domains of the live routes (newest in all, at least 100 for
each), or among all if newest is null, as a sentence; null without one. A fault are events that were sent
although the oldest audit worker in use skipped them, failed, or read them and made no attempt. Only events
since the approval of the promotion in force, while its route is as approved: for earlier ones a person has
decided, and for those that the worker has not read nobody yet. Raises IU104. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_unrehearsed(int)', 'explain'
);
