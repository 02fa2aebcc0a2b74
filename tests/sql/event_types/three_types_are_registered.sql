select same(
    (
        select jsonb_agg(
            jsonb_build_array(event_type, event_domain, event_stream, delivery_lane, enabled)
            order by event_type
        )
        from event_type_registry
    ),
    '[["sql_link_created", "iu", "update", "immediate", true],
      ["structure_piece_split", "iu", "update", "immediate", true],
      ["version_applied", "iu", "update", "immediate", true]]'::jsonb
);
