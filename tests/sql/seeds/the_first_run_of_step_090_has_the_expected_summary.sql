select holds(
    (select last_run_summary from iu_route_worker_cursor where worker_name = 'iu_outbound_default')
    @> '{"status": "ran", "seen": 0, "attempts_written": 0, "dead_lettered": 0, "cursor_event_id": null, '
    '"cursor_created_at": null}',
    'the summary'
);
select same((select string_agg(worker_name, ',') from iu_route_worker_cursor), 'iu_outbound_default');
