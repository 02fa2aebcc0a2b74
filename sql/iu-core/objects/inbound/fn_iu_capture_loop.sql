create or replace function public.fn_iu_capture_loop(capture public.iu_inbound_route, source_rows text)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        e'    for v_rows in\n'
        '        select /* %7$s */\n'
        '            array_agg(s.key) as keys, array_agg(s.subject) as subjects, jsonb_agg(\n'
        '            jsonb_build_object(\n'
        '                ''event_type'', v_capture.target_event_type, ''canonical_address'', s.address,\n'
        '                ''subject_ref'', s.subject, ''actor_ref'', session_user,\n'
        '                ''safe_payload'', s.payload\n'
        '            )\n'
        '        ) as events\n'
        '        from (\n'
        '            select %1$s as key,\n'
        '                case when %2$s is not null then public.fn_iu_subject(%3$L, %2$s) end as subject,\n'
        '                %4$s as address,\n'
        '                jsonb_build_object(%5$s) as payload,\n'
        '                (row_number() over () - 1) / 5000 as chunk\n'
        '            from %6$s\n'
        '        ) as s\n'
        '        group by s.chunk order by s.chunk\n'
        '    loop\n'
        '        perform public.fn_iu_capture_record(\n'
        '            v_capture, v_rows.keys, v_rows.subjects, v_rows.events\n'
        '        );\n'
        '    end loop;\n',
        public.fn_iu_capture_key_value(t.oid, public.fn_iu_capture_key(t.oid)),
        public.fn_iu_capture_key_value(t.oid, capture.subject_columns),
        coalesce(capture.subject_table, capture.source_table), (
            select string_agg(case
                when m.part[1] is not null then quote_literal(m.part[1])
                else public.fn_iu_capture_value(t.oid, m.part[2], 'n', true)
            end, ' || ' order by m.place)
            from regexp_matches(capture.address_template, '([^{}]+)|\{([^{}]+)\}', 'g')
            with ordinality as m (part, place)
        ), (
            select string_agg(
                quote_literal(p.key) || ', ' || public.fn_iu_capture_value(t.oid, p.value), ', '
                order by p.key
            ) from jsonb_each_text(capture.payload_map) as p
        ), source_rows, case
            -- In a comment, which a code with other characters could end.
            when capture.route_code ~ '^[a-z0-9_.-]+$' then format(
                'capture %1$s of iu_pipelines, see: iu capture show %1$s', capture.route_code
            )
            else format('capture number %s of iu_pipelines', capture.capture_no)
        end
    )
    from (select public.fn_iu_capture_table(capture.source_table)) as t (oid)
$$;
comment on function public.fn_iu_capture_loop(public.iu_inbound_route, text) is
'The part of the trigger function of a capture that records the rows of source_rows, 5,000 at a time. Its
statement names the capture in a comment, because PostgreSQL prints the statement if it fails.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_loop(public.iu_inbound_route, text)', 'internal'
);
