update iu_inbound_route set enabled = true;
insert into iu_sql_link (link_id, sql_object_ref) values
(subject(5), 'public.orders'), (subject(6), 'public.lines');
select same(
    (
        select jsonb_agg(jsonb_strip_nulls(to_jsonb(c) - 'capture_id' - 'captured_at') order by capture_id)
        from iu_inbound_capture as c
    ),
    jsonb_build_array(
        jsonb_build_object(
            'route_code', 'iu_sql.iu_sql_link.insert', 'source_table', 'iu_sql_link', 'source_op', 'insert',
            'source_ref', subject(5), 'decision', 'dry_run'
        ),
        jsonb_build_object(
            'route_code', 'iu_sql.iu_sql_link.insert', 'source_table', 'iu_sql_link', 'source_op', 'insert',
            'source_ref', subject(6), 'decision', 'dry_run'
        )
    )
);
select same((select count(*) from event_outbox), 0);
