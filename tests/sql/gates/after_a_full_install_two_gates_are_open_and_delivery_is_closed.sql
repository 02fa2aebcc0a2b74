select same(
    (select jsonb_object_agg(key, value) from dot_config where key !~ '(seconds|days)$'),
    '{"iu_core.routes_enabled": "true", "iu_core.route_worker_enabled": "true",
      "iu_core.delivery_enabled": "false", "iu_core.delivery_live_routes": "",
      "queue.job_substrate.enabled": "false"}'::jsonb
);
