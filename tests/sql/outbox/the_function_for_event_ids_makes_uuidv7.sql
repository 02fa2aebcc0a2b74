select same((select count(distinct fn_iu_event_id()) from generate_series(1, 200)), 200);
select holds(substr(fn_iu_event_id()::text, 15, 1) = '7', 'version 7');
select holds(substr(fn_iu_event_id()::text, 20, 1) in ('8', '9', 'a', 'b'), 'variant 1');
select holds(left(fn_iu_event_id()::text, 8) >= left(fn_iu_event_id()::text, 6), 'ids begin with the time');
