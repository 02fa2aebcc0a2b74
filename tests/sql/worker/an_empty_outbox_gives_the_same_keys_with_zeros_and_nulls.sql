select same(
    run(),
    '{"status": "ran", "seen": 0, "attempts_written": 0, "skipped": 0, "dead_lettered": 0,
      "cursor_event_id": null, "cursor_created_at": null, "batch_id": null}'
);
select same((select count(*) from iu_route_batch), 0);
