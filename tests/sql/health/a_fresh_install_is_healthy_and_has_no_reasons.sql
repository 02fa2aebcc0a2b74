select same(
    fn_iu_route_worker_health() - 'last_run_at',
    '{"healthy": true, "reasons": [], "worker_name": "iu_outbound_default", "worker_gate_open": true,
      "master_gate_open": true, "delivery_gate_open": false, "live_routes": [],
      "backlog": 0, "backlog_capped": false, "backlog_oldest_seconds": 0.000,
      "attempts_in_audit": 0, "failed_attempts": 0, "delivered_sent": 0,
      "dead_letter_open": 0, "dead_letter_open_capped": false, "last_progress_at": null,
      "cursor_event_id": null, "cursor_created_at": null}'
);
