-- enable_seqscan and enable_bitmapscan off: deliveries are found by their indexes and changed by their
-- places, whatever the statistics say (decisions 011 and 073).
create or replace function public.fn_iu_delivery_retry_now(
    route_code text, reason text, event_id uuid default null, batch_limit int default 1000
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    v_route public.iu_delivery_route;
    v_seqs bigint [];
    v_waiting public.iu_delivery [];
    v_places tid [];
begin
    perform public.fn_iu_argument_require('reason', reason, 2000);
    perform public.fn_iu_delivery_limit_require(batch_limit, 10000);
    perform public.fn_iu_delivery_isolation_require();
    v_route := public.fn_iu_delivery_route_read(route_code);
    if v_route.route_no is not null
        and (public.fn_iu_cursor_lock('live:' || v_route.route_no)).worker_name is null
    then
        return jsonb_build_object('status', 'busy', 'route_code', route_code, 'made_due', 0);
    end if;
    if event_id is null then
        v_seqs := array(
            select d.event_seq from public.iu_delivery as d
            where (d.route_no * 1) = v_route.route_no and d.is_head and d.dead_at is null
                and d.due_at > clock_timestamp() and d.claim_id is null
            order by d.due_at limit batch_limit
        );
    else
        v_seqs := array(
            select o.event_seq from public.event_outbox as o
            where o.event_id = fn_iu_delivery_retry_now.event_id
        );
    end if;
    v_waiting := array(
        select d from unnest(public.fn_iu_delivery_rows_lock(v_route.route_no, v_seqs)) as d
        -- Again under the lock: a claim has its due_at at the end of its lease, which must stay.
        where d.is_head and d.dead_at is null and d.claim_id is null and d.due_at > clock_timestamp()
    );
    if cardinality(v_waiting) > 0 then
        perform public.fn_iu_delivery_decide(v_route.target_no, v_waiting, 'made_due', array[reason]);
        select public.fn_iu_delivery_places(array_agg(w.route_no), array_agg(w.event_seq)) into v_places
        from unnest(v_waiting) as w;
        -- After fn_iu_delivery_decide, which locks the state of the target: due_from relies on that.
        update public.iu_delivery as d set due_at = clock_timestamp() where d.ctid = any (v_places);
    end if;
    return jsonb_build_object(
        'status', 'ran', 'route_code', route_code, 'made_due', cardinality(v_waiting)
    );
end
$$;
comment on function public.fn_iu_delivery_retry_now(text, text, uuid, int) is
'Makes retries of a live route due now that would be due later: the heads of its queue that failed and are not
claimed, the earliest first, at most batch_limit (1 to 10,000), or that of one event. Each has the decision
made_due, with the reason. Nothing else changes: their attempts and failures count on, and gates, promotion,
breaker and rates refuse a claim as before. Call it until made_due is below batch_limit. Returns {"status"
(ran, or busy if the queue of the route is being written), "route_code", "made_due"}. Raises IU104, IU301,
IU303. Sends nothing.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_retry_now(text, text, uuid, int)', 'operate'
);
