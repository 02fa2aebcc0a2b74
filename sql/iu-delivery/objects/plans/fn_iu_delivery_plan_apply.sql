create or replace function public.fn_iu_delivery_plan_apply(
    plan public.iu_delivery_plan, route_no int, event_seqs bigint[]
)
returns int
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_target_no constant int := (
        select r.target_no from public.iu_delivery_route as r
        where r.route_no = fn_iu_delivery_plan_apply.route_no
    );
    v_locked constant public.iu_delivery [] := public.fn_iu_delivery_rows_lock(route_no, event_seqs);
    v_dead constant public.iu_delivery [] := array(
        select d from unnest(v_locked) as d where d.dead_at is not null order by d.subject_no
    );
begin
    if cardinality(v_dead) > 0 then
        perform public.fn_iu_delivery_decide(
            v_target_no, v_dead, case plan.kind when 'replay' then 'replayed' else 'discarded' end,
            array[plan.reason]
        );
        if plan.kind = 'replay' then
            perform public.fn_iu_delivery_requeue(v_dead);
        else
            perform public.fn_iu_delivery_remove(v_dead);
        end if;
    end if;
    return cardinality(v_dead);
end
$$;
comment on function public.fn_iu_delivery_plan_apply(public.iu_delivery_plan, int, bigint[]) is
'Replays or discards those of some entries of a plan, of one route, that are dead letters, each with a
decision, and returns their number. The caller holds the lock of the cursor of the route.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_plan_apply(public.iu_delivery_plan, int, bigint[])', 'internal'
);
