create or replace function public.fn_iu_capture_body(capture public.iu_inbound_route)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_table constant oid := public.fn_iu_capture_table(capture.source_table);
    v_same constant text := (
        select string_agg(
            public.fn_iu_capture_value(v_table, k.name, 'n', true) || ' = '
            || public.fn_iu_capture_value(v_table, k.name, 'o', true), ' and ' order by k.place
        ) from unnest(public.fn_iu_capture_key(v_table)) with ordinality as k (name, place)
    );
    v_where constant text := ' where ' || public.fn_iu_capture_condition(v_table, capture.condition);
    v_loops text;
begin
    -- An update that changes a key is a delete and an insert (decision 050).
    v_loops := case capture.source_op
        when 'update' then public.fn_iu_capture_loop(
            capture, 'new_rows as n inner join old_rows as o on ' || v_same || v_where
        )
        else format(
            e'    if tg_op = %L then\n%s    else\n%s    end if;\n', upper(capture.source_op),
            public.fn_iu_capture_loop(capture, r.mine || ' as n' || v_where),
            public.fn_iu_capture_loop(
                capture, format('%s as n%s and not exists (select from %s as o where %s)',
                    r.mine, v_where, r.other, v_same)
            )
        )
    end
    from (
        select case capture.source_op when 'delete' then 'old_rows' else 'new_rows' end as mine,
            case capture.source_op when 'delete' then 'new_rows' else 'old_rows' end as other
    ) as r;
    return format(
        e'\ndeclare\n'
        '    v_capture constant public.iu_inbound_route :=\n'
        '        public.fn_iu_capture_require(%s, tg_relid, tg_name, tg_when, tg_level);\n'
        '    v_rows record;\n'
        'begin\n'
        '    if v_capture.capture_no is null then\n'
        '        return null;\n'
        '    end if;\n'
        '%s'
        '    return null;\n'
        'end\n', capture.capture_no, v_loops
    );
end
$$;
comment on function public.fn_iu_capture_body(public.iu_inbound_route) is
'The body of the trigger function of a capture. It is made of quoted names and literals only.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_body(public.iu_inbound_route)', 'internal'
);
