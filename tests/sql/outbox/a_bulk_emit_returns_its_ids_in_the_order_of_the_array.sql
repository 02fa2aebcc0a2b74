select keep('ids', (
    select string_agg(id::text, ',' order by place)
    from fn_iu_emit_events((
        select jsonb_agg(jsonb_build_object(
            'event_type', 'version_applied', 'canonical_address', 'TEST/' || n, 'subject_ref', subject(n),
            'actor_ref', 'x', 'safe_payload', '{}'::jsonb
        ) order by n) from generate_series(1, 300) as n
    )) with ordinality as e (id, place)
));
select same(
    (
        select count(*)
        from unnest(string_to_array(kept('ids'), ',')::uuid []) with ordinality as e (id, place)
        inner join event_outbox as o on o.event_id = e.id and o.canonical_address = 'TEST/' || e.place
    ), 300
);
select same(
    (
        select array_agg(canonical_address order by event_seq)
            = array_agg(canonical_address order by event_subject_ref)
        from event_outbox
    ), true
);
