select emit_many(10000);
select keep('far', emit()::text);
select keep('beyond', emit()::text);
select same((fn_iu_event_reading(kept('far')::uuid, 'tester') ->> 'events_before')::int, 10000);
select same((fn_iu_event_reading(kept('far')::uuid, 'tester') ->> 'events_before_capped')::boolean, false);
select same((fn_iu_event_reading(kept('beyond')::uuid, 'tester') ->> 'events_before')::int, 10000);
select same((fn_iu_event_reading(kept('beyond')::uuid, 'tester') ->> 'events_before_capped')::boolean, true);
