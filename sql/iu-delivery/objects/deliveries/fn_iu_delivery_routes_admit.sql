create or replace function public.fn_iu_delivery_routes_admit(
    given public.iu_delivery_target, shards smallint[], batch_limit int, now_at timestamptz
)
returns int[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_due int [];
    v_refused int [];
    v_reasons text [];
begin
    with due as materialized (
        select d.*
        from public.fn_iu_delivery_routes_due(given, shards, batch_limit, now_at) with ordinality as d
    ),

    -- With the newest batch that the same snapshot shows: heads of a batch that commits later may be due
    -- earlier. The more routes, the less often each is written.
    moved as (
        update public.iu_delivery_route as r
        set due_from = d.due_at, due_batch_id = coalesce(d.batch_id, 0),
            due_checked_at = case when d.is_new then now_at else r.due_checked_at end
        from due as d
        where r.route_no = d.route_no and d.refusal is null and (
            d.is_new
            or not d.due_at between r.due_from
            and r.due_from + interval '1 millisecond' * (select count(*) - 1 from due)
        )
    )

    select
        array_agg(d.route_no order by d.ordinality) filter (where d.refusal is null),
        array_agg(d.route_no order by d.route_no) filter (where d.refusal <> 'other_deployment'),
        array_agg(d.refusal order by d.route_no) filter (where d.refusal <> 'other_deployment')
    into v_due, v_refused, v_reasons
    from due as d;
    if cardinality(v_due) + coalesce(cardinality(v_refused), 0) >= batch_limit then
        update public.iu_delivery_target_state as s set last_route_no = v_due[cardinality(v_due)]
        where s.target_no = given.target_no;
    end if;
    perform public.fn_iu_delivery_route_hold(r.route_no, r.reason)
    from unnest(v_refused, v_reasons) as r (route_no, reason);
    return coalesce(v_due, '{}');
end
$$;
comment on function public.fn_iu_delivery_routes_admit(
    public.iu_delivery_target, smallint[], int, timestamptz
) is
'The numbers of the routes of fn_iu_delivery_routes_due whose promotion is valid, with due_from moved to their
oldest head. A route whose promotion is no longer valid is held from then on. The caller holds the lock of the
state of the target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_routes_admit(public.iu_delivery_target, smallint[], int, timestamptz)', 'internal'
);
