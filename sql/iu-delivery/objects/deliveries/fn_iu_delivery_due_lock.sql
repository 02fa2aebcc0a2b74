create or replace function public.fn_iu_delivery_due_lock(
    given public.iu_delivery_target, shards smallint[], batch_limit int, now_at timestamptz, plan_no int,
    delivery_keys text[]
)
returns public.iu_delivery[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_routes constant int [] := public.fn_iu_delivery_routes_admit(
        given, shards, case when plan_no is null and delivery_keys is null then batch_limit else 1000 end,
        now_at
    );
    v_due public.iu_delivery [];
begin
    if cardinality(v_routes) = 0 then
        return '{}'::public.iu_delivery [];
    end if;
    if delivery_keys is not null then
        v_due := array(
            select d from public.fn_iu_delivery_due_named(delivery_keys, v_routes, batch_limit, now_at) as d
        );
    elsif plan_no is null then
        v_due := array(select d from public.fn_iu_delivery_due(v_routes, shards, batch_limit, now_at) as d);
    else
        v_due := array(
            select d from public.fn_iu_delivery_plan_due(plan_no, v_routes, shards, batch_limit, now_at) as d
        );
    end if;
    v_due := public.fn_iu_delivery_doubts_bury(given, v_due);
    return public.fn_iu_delivery_rate_cut(v_due, v_routes, now_at);
end
$$;
comment on function public.fn_iu_delivery_due_lock(
    public.iu_delivery_target, smallint[], int, timestamptz, int, text[]
) is
'The due heads of a target in the shards that may be claimed now, at most batch_limit, locked until the end of
the transaction; with plan_no or delivery_keys only those that the plan or the keys name. Dead letters are
made of those whose outcome is unknown too often.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_due_lock(public.iu_delivery_target, smallint[], int, timestamptz, int, text[])',
    'internal'
);
