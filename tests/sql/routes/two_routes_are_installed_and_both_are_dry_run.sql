select same(
    (
        select jsonb_agg(
            jsonb_build_array(route_code, event_type, enabled, dry_run, target_kind, target_ref)
            order by route_code
        ) from iu_outbound_route
    ),
    '[["iu.structure_piece_split.workflow", "structure_piece_split", true, true, "workflow", "event_outbox"],
      ["iu.version_applied.workflow", "version_applied", true, true, "workflow", "event_outbox"]]'::jsonb
);
