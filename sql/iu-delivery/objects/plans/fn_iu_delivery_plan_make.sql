create or replace function public.fn_iu_delivery_plan_make(kind text, filter jsonb, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_filter constant jsonb := public.fn_iu_delivery_plan_filter(kind, coalesce(filter, '{}'));
    v_plan_no int;
    v_hash bytea;
    v_named record;
    v_found record;
    v_rates record;
begin
    perform public.fn_iu_argument_require('reason', reason, 2000);
    v_named := public.fn_iu_delivery_plan_routes(kind, v_filter);
    v_plan_no := nextval('public.iu_delivery_plan_plan_no_seq');
    v_found := public.fn_iu_delivery_plan_pick(v_plan_no, kind, v_filter, v_named.routes);
    if kind = 'replay' and v_found.set_aside > 0
        and (v_filter ->> 'out_of_order')::boolean is not true
    then
        raise exception 'later events of the subjects of % dead letters may have been delivered',
            v_found.set_aside using
            errcode = 'IU606',
            hint = 'Their target skips dead letters. Give out_of_order if the receiver can take that.';
    end if;
    if v_found.entries > 0 then
        v_hash := public.fn_iu_delivery_plan_hash(v_plan_no, kind, v_filter, reason);
        insert into public.iu_delivery_plan (plan_no, plan_hash, kind, filter, reason, target_no, entries)
        overriding system value
        values (v_plan_no, v_hash, kind, v_filter, reason, v_named.target_no, v_found.entries);
        insert into public.iu_delivery_plan_state (plan_no, next_no)
        values (v_plan_no, case kind when 'drain' then 0 else 1 end);
    end if;
    v_rates := public.fn_iu_delivery_plan_summary(v_plan_no, kind);
    return jsonb_build_object(
        'status', case when v_found.entries > 0 then 'planned' else 'nothing' end,
        'plan_hash', encode(v_hash, 'hex'), 'kind', kind, 'entries', v_found.entries,
        'routes', v_rates.routes, 'oldest_at', v_found.oldest_at, 'newest_at', v_found.newest_at,
        'drain_seconds', v_rates.drain_seconds, 'due_now', v_found.due_now,
        'last_due_at', v_found.last_due_at
    );
end
$$;
comment on function public.fn_iu_delivery_plan_make(text, jsonb, text) is
'Freezes a plan: the ids of the deliveries that a filter finds now, at most 1,000,000. Kinds: replay and
discard, of dead letters, which fn_iu_delivery_plan_execute carries out; drain, of the other deliveries of one
target, which fn_iu_delivery_claim_plan claims. Keys of the filter, all optional: route_code, target, cause (a
part of dead_reason), since and until (when it was queued, or became a dead letter), subject, limit,
out_of_order. Returns {"status" (planned, nothing), "plan_hash", "kind", "entries", "routes", "oldest_at",
"newest_at", "drain_seconds", "due_now", "last_due_at"}: drain_seconds is how long the deliveries need at the
rates when all of them are due. Of a drain, due_now is how many of them neither wait for a retry nor stand
behind one, and last_due_at when the last of the others is due; null: none waits. Changes and locks no
delivery. Raises IU104, IU603, and IU606 for a replay of dead letters that their target skips without
out_of_order.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_plan_make(text, jsonb, text)', 'operate'
);
