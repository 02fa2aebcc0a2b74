select same(
    (
        select string_agg(o.event_seq::text, ',' order by e.place) = string_agg(o.event_seq::text, ',' order by o.event_seq)
        from (select string_to_array(kept('ids'), ',')::uuid [] as ids) as k,
            unnest(k.ids) with ordinality as e (id, place) inner join event_outbox as o on o.event_id = e.id
    ), true
) from (select keep('ids', (
    select string_agg(id::text, ',' order by place)
    from fn_iu_emit_events((
        select jsonb_agg(jsonb_build_object(
            'event_type', 'version_applied', 'canonical_address', 'TEST/' || n, 'subject_ref', subject(n),
            'actor_ref', 'x', 'safe_payload', '{}'::jsonb
        ) order by n) from generate_series(1, 300) as n
    )) with ordinality as e (id, place)
))) as kept_first;
select same(
    (select count(*) from (
        select canonical_address, row_number() over (order by event_seq) as n from event_outbox
    ) as o where canonical_address <> 'TEST/' || n), 0
);
