create or replace function public.fn_iu_promotion_apply(
    given public.iu_route_promotion, decided public.iu_route_promotion_decision,
    route public.iu_outbound_route, cursor public.iu_route_worker_cursor
)
returns timestamptz
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_expires_at constant timestamptz := decided.decided_at
        + make_interval(secs => extract(epoch from given.valid_for)::double precision);
    v_passed record;
begin
    update public.iu_delivery_route as r
    set route_code = given.route_code, target_no = given.target_no, promotion_no = given.promotion_no,
        expires_at = v_expires_at, held_reason = null, held_since = null, outcomes = 0, failed_outcomes = 0,
        unanswered = 0, unanswered_since = null,
        tokens = 'infinity', refilled_at = clock_timestamp()
    where r.route_no = given.route_no;
    if not found then
        v_passed := public.fn_iu_promotion_passed(cursor, route.event_type);
        insert into public.iu_delivery_route (
            route_no, route_code, event_type, event_domain, target_no, promotion_no, expires_at, passed_seq,
            passed_snapshot, passed_count
        )
        values (
            given.route_no, given.route_code, route.event_type, cursor.event_domain, given.target_no,
            given.promotion_no, v_expires_at, v_passed.seq, v_passed.snapshot, v_passed.events
        );
    end if;
    -- Otherwise the next failure of a half-open breaker would demote the route at once.
    update public.iu_delivery_target_state as s set half_open_failures = 0
    where s.target_no = given.target_no;
    return v_expires_at;
end
$$;
comment on function public.fn_iu_promotion_apply(
    public.iu_route_promotion, public.iu_route_promotion_decision, public.iu_outbound_route,
    public.iu_route_worker_cursor
) is
'Puts an approved promotion in force: the row of the route in iu_delivery_route, not held, with its counts at
zero, and those of the breaker. The first one records what its cursor passes over. Returns when it expires.
The caller holds the lock of the state of the target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_promotion_apply(public.iu_route_promotion, public.iu_route_promotion_decision, '
    'public.iu_outbound_route, public.iu_route_worker_cursor)', 'internal'
);
