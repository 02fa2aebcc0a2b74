-- The setting timezone: the text of times in the filter, and so the hash, must not depend on the session.
create or replace function public.fn_iu_delivery_plan_filter(kind text, filter jsonb)
returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
#variable_conflict use_variable
declare
    v_filter jsonb := jsonb_strip_nulls(filter);
    v_fault text;
begin
    perform public.fn_iu_name_require(
        'kind', kind, '^(replay|discard|drain)$', 'Give one of replay, discard and drain.'
    );
    if jsonb_typeof(v_filter) is distinct from 'object' then
        v_fault := 'not an object';
    else
        select format('%s %s', quote_literal(left(f.key, 100)), case
            when k.type is null then 'is unknown'
            when k.type <> jsonb_typeof(f.value) then format('is no %s', k.type)
            else 'is not for this kind of plan'
        end)
        into v_fault
        from jsonb_each(v_filter) as f
        left join (values
            ('route_code', 'string', ''), ('target', 'string', ''), ('cause', 'string', 'drain'),
            ('since', 'string', ''), ('until', 'string', ''), ('subject', 'string', ''),
            ('limit', 'number', ''), ('out_of_order', 'boolean', 'drain discard')
        ) as k (key, type, without) on k.key = f.key
        where k.type is distinct from jsonb_typeof(f.value) or position(kind in k.without) > 0
        order by f.key limit 1;
    end if;
    if v_fault is null then
        begin
            v_filter := v_filter || jsonb_strip_nulls(jsonb_build_object(
                'since', (v_filter ->> 'since')::timestamptz, 'until', (v_filter ->> 'until')::timestamptz,
                'subject', (v_filter ->> 'subject')::uuid, 'limit', (v_filter ->> 'limit')::int
            ));
            v_fault := case when (v_filter ->> 'limit')::int not between 1 and 1000000
                then format('limit %s, not 1 to 1000000', v_filter ->> 'limit')
                when length(v_filter ->> 'cause') not between 1 and 1000
                then 'a cause that is empty or longer than 1000' end;
        exception when data_exception then
            v_fault := left(sqlerrm, 200);
        end;
    end if;
    if v_fault is not null then
        raise exception 'the filter of the plan is not valid: %', v_fault using
            errcode = 'IU104',
            hint = 'Keys: route_code, target, cause (dead letters only), since, until, subject, limit, '
                'out_of_order (replay only).';
    end if;
    return v_filter;
end
$$;
comment on function public.fn_iu_delivery_plan_filter(text, jsonb) is
'The filter of a plan without nulls, with its times in UTC. Raises IU104 for an unknown kind of plan, and for
an unknown key or a value that does not fit.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_plan_filter(text, jsonb)', 'internal'
);
