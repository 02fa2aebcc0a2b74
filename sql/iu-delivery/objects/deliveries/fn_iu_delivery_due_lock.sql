create or replace function public.fn_iu_delivery_due_lock(
    given public.iu_delivery_target, shards smallint[], batch_limit int, now_at timestamptz
)
returns public.iu_delivery[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_routes constant int [] := public.fn_iu_delivery_routes_admit(
        given, shards, batch_limit, now_at
    );
    v_due public.iu_delivery [];
begin
    if cardinality(v_routes) = 0 then
        return '{}'::public.iu_delivery [];
    end if;
    v_due := array(select d from public.fn_iu_delivery_due(v_routes, shards, batch_limit, now_at) as d);
    v_due := public.fn_iu_delivery_doubts_bury(given, v_due);
    return public.fn_iu_delivery_rate_cut(v_due, v_routes, now_at);
end
$$;
comment on function public.fn_iu_delivery_due_lock(
    public.iu_delivery_target, smallint[], int, timestamptz
) is
'The due heads of a target in the shards that may be claimed now, at most batch_limit, locked until the end of
the transaction. Dead letters are made of those whose outcome is unknown too often.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_due_lock(public.iu_delivery_target, smallint[], int, timestamptz)', 'internal'
);
