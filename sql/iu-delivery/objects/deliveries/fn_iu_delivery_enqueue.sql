create or replace function public.fn_iu_delivery_enqueue(
    route_code text, batch_limit int, run_ref text default null
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    -- As in fn_iu_route_worker_run: read before this transaction gets its id.
    v_drawn_seq constant bigint := case when pg_current_xact_id_if_assigned() is null
        then coalesce(pg_sequence_last_value('public.event_outbox_event_seq_seq'), 0) end;
    v_route public.iu_delivery_route;
    v_newest public.iu_delivery_route;
    v_cursor public.iu_route_worker_cursor;
    v_batch public.iu_delivery_batch;
    v_restored_seq bigint;
    v_refused text;
    v_reason text;
begin
    perform public.fn_iu_delivery_limit_require(batch_limit, 100000);
    if run_ref is not null then
        perform public.fn_iu_argument_require('run_ref', run_ref, 200);
    end if;
    perform public.fn_iu_delivery_isolation_require();
    v_route := public.fn_iu_delivery_route_read(route_code);
    v_refused := case
        when not public.fn_iu_gate_open(public.fn_iu_gate_key('master')) then 'master_gate_closed'
        when not public.fn_iu_gate_open(public.fn_iu_gate_key('worker')) then 'worker_gate_closed'
        when not public.fn_iu_gate_open(public.fn_iu_gate_key('delivery')) then 'delivery_gate_closed'
    end;
    if v_refused is null then
        v_reason := public.fn_iu_promotion_refusal(v_route, public.fn_iu_deployment());
        v_refused := case when v_reason is not null then 'held' end;
    end if;
    if v_refused is null then
        v_cursor := public.fn_iu_cursor_read('live:' || v_route.route_no);
        if public.fn_iu_cursor_has_news(v_cursor, (public.fn_iu_cluster_newest()).restored_seq) = false then
            return public.fn_iu_delivery_summary('ran', null, v_route, null);
        end if;
        v_cursor := public.fn_iu_cursor_lock('live:' || v_route.route_no);
        -- A decision about the route may have committed before its cursor was locked.
        v_newest := public.fn_iu_delivery_route_read(route_code);
        v_refused := case when v_cursor.worker_name is null
            or (v_newest.promotion_no, v_newest.held_reason)
            is distinct from (v_route.promotion_no, v_route.held_reason) then 'busy' end;
    end if;
    if v_refused is not null then
        return public.fn_iu_delivery_summary(v_refused, v_reason, v_route, null);
    end if;
    select s.restored_seq, case when s.difference is not null then 'cluster_changed' end
    into v_restored_seq, v_reason from public.fn_iu_cluster_state(v_cursor) as s;
    if v_reason is not null then
        return public.fn_iu_delivery_summary('held', v_reason, v_route, null);
    end if;
    v_batch := public.fn_iu_delivery_batch_run(
        v_cursor, v_route, batch_limit, run_ref, v_drawn_seq, v_restored_seq
    );
    return public.fn_iu_delivery_summary('ran', null, v_route, v_batch);
end
$$;
comment on function public.fn_iu_delivery_enqueue(text, int, text) is
'Reads at most batch_limit events after the cursor of a live route and queues those that are for it. Returns
{"status", "reason", "seen", "queued", "passed_over", "outside_canary", "batch_id"}; status is ran,
master_gate_closed, worker_gate_closed, delivery_gate_closed, held (reason says why, see
fn_iu_promotion_refusal), or busy if another transaction has locked the cursor, or decided about the route
meanwhile. passed_over is how many events the first promotion of the route passed over. Raises IU104, IU301,
IU303. Sends nothing. Waits for transactions that record outcomes of the same subjects. Writes nothing if
there is no new event.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_enqueue(text, int, text)', 'enqueue'
);
