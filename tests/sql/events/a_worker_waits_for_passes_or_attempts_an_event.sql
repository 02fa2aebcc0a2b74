select keep('first', emit()::text);
select keep('second', emit()::text);
select same(
    fn_iu_event_reading(kept('second')::uuid, 'tester'),
    jsonb_build_object(
        'status', 'waiting', 'worker_name', 'tester', 'event_domain', 'iu', 'difference', null,
        'events_before', 1, 'events_before_capped', false, 'retired_at', null, 'last_run_at', null,
        'cursor_event_id', null, 'cursor_created_at', null
    )
);
select run(batch_limit => 1);
select same(fn_iu_event_reading(kept('first')::uuid, 'tester') ->> 'status', 'attempted');
select same(fn_iu_event_reading(kept('second')::uuid, 'tester') ->> 'status', 'waiting');
select same((fn_iu_event_reading(kept('second')::uuid, 'tester') ->> 'events_before')::int, 0);
select same((fn_iu_event_reading(kept('second')::uuid, 'other') ->> 'events_before')::int, 1);
select keep('old', emit_old()::text);
select same(fn_iu_event_reading(kept('old')::uuid, 'fresh') ->> 'status', 'waiting');
select fn_iu_route_worker_seek('fresh', 'latest', 'a test');
select same(fn_iu_event_reading(kept('old')::uuid, 'fresh') ->> 'status', 'passed');
select same(fn_iu_event_reading(subject(), 'tester'), null);
select refused($$select fn_iu_event_reading(null, 'tester')$$, 'IU104', '%event_id%');
select refused($$select fn_iu_event_reading(iu_test.subject(), '')$$, 'IU104', '%worker%');
