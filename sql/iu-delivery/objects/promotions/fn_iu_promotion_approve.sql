create or replace function public.fn_iu_promotion_approve(given public.iu_route_promotion, reason text)
returns jsonb
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_found record;
    v_route public.iu_outbound_route;
    v_target public.iu_delivery_target;
    v_live public.iu_delivery_route;
    v_cursor public.iu_route_worker_cursor;
    v_evidence jsonb;
    v_queue public.iu_delivery [];
    v_expires_at timestamptz;
begin
    v_found := public.fn_iu_promotion_route(given.route_code);
    v_route := v_found.route;
    v_target := v_found.target;
    v_evidence := public.fn_iu_promotion_evidence(v_route, v_target);
    perform public.fn_iu_promotion_change_refuse(given, v_route, v_target, v_evidence);
    perform public.fn_iu_promotion_cluster(given);
    perform public.fn_iu_promotion_evidence_require(v_evidence, given.valid_for);
    v_live := public.fn_iu_delivery_route_read(given.route_code);
    -- The order of the locks: cursor, queue, states of the targets, routes, chain of decisions.
    v_cursor := public.fn_iu_promotion_cursor(given, (
        select e.event_domain from public.event_type_registry as e where e.event_type = v_route.event_type
    ), v_live.route_no is null);
    if v_cursor.worker_name is null then
        return jsonb_build_object('status', 'busy', 'promotion_no', given.promotion_no);
    end if;
    v_queue := public.fn_iu_promotion_queue_lock(given);
    perform public.fn_iu_target_state_lock(t.target_no)
    from (select unnest(array[given.target_no, v_live.target_no]) as target_no group by 1 order by 1) as t
    where t.target_no is not null;
    -- Another statement, so that it sees what the transactions wrote that the locks waited for.
    v_found := public.fn_iu_promotion_route(given.route_code);
    v_route := v_found.route;
    v_target := v_found.target;
    perform public.fn_iu_promotion_change_refuse(
        given, v_route, v_target, v_evidence || jsonb_build_object(
            'last_decision_no', public.fn_iu_promotion_last_decision(given.route_no)
        )
    );
    perform r.route_no from public.iu_delivery_route as r where r.route_no = given.route_no for update;
    v_expires_at := public.fn_iu_promotion_apply(
        given, public.fn_iu_promotion_decision_write(given.promotion_no, 'approve', reason, false), v_route,
        v_cursor
    );
    perform public.fn_iu_delivery_decide(v_live.target_no, v_queue, 'discarded', array[reason]);
    if cardinality(v_queue) > 0 then
        perform public.fn_iu_delivery_remove(v_queue);
    end if;
    return jsonb_build_object(
        'status', 'approved', 'promotion_no', given.promotion_no, 'route_code', given.route_code,
        'expires_at', v_expires_at, 'discarded', cardinality(v_queue), 'passed_over', (
            select r.passed_count from public.iu_delivery_route as r where r.route_no = given.route_no
        )
    );
end
$$;
comment on function public.fn_iu_promotion_approve(public.iu_route_promotion, text) is
'Puts a promotion in force after it has been checked again: what fn_iu_route_promotion_decide returns for an
approval. Raises IU205 and IU206. Locks the cursor, what is to be discarded, the states of the targets, the
route and the chain of decisions, in this order.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_approve(public.iu_route_promotion, text)', 'internal'
);
