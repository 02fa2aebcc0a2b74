create or replace function public.fn_iu_capture_condition(table_oid oid, condition jsonb)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(string_agg(term.expression, ' and ' order by term.expression), 'true')
    from (
        select format('%s = %s', v.typed, v.literal) as expression
        from jsonb_each_text(condition -> 'equals') as c
        cross join lateral (
            select public.fn_iu_capture_value(table_oid, c.key) as typed,
                quote_literal(c.value) || '::' || public.fn_iu_capture_type(table_oid, c.key) as literal
        ) as v
        union all
        select format('%s = %s and %s is distinct from %s', v.typed, v.literal, v.before, v.literal)
        from jsonb_each_text(condition -> 'becomes') as c
        cross join lateral (
            select public.fn_iu_capture_value(table_oid, c.key) as typed,
                public.fn_iu_capture_value(table_oid, c.key, 'o') as before,
                quote_literal(c.value) || '::' || public.fn_iu_capture_type(table_oid, c.key) as literal
        ) as v
        union all
        select format(
            '%s is distinct from %s', public.fn_iu_capture_value(table_oid, c.key, 'n', true),
            public.fn_iu_capture_value(table_oid, c.key, 'o', true)
        )
        from jsonb_array_elements_text(condition -> 'changes') as c (key)
        union all
        select format('%s in (%s)', public.fn_iu_capture_value(table_oid, c.key), (
            select string_agg(
                quote_literal(i.item) || '::' || public.fn_iu_capture_type(table_oid, c.key), ', '
            ) from jsonb_array_elements_text(c.value) as i (item)
        ))
        from jsonb_each(condition -> 'in') as c
        union all
        select format('n.%I is %snull', c.key, case when c.value = 'false' then 'not ' else '' end)
        from jsonb_each_text(condition -> 'is_null') as c
    ) as term
$$;
comment on function public.fn_iu_capture_condition(oid, jsonb) is
'The condition of a capture as an expression over its rows: quoted names and literals only.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_condition(oid, jsonb)', 'internal'
);
