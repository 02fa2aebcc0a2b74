select refused(
    $$update event_type_registry set payload_keys = '{a,null}'$$, '23514', '%payload_keys_hold_no_null%'
);
select refused(
    $$insert into event_type_registry (event_type, event_stream, delivery_lane, payload_keys)
    values ('t.x', 'a', 'b', array[null]::text[])$$,
    '23514', '%payload_keys_hold_no_null%'
);
update event_type_registry set payload_keys = '{}' where event_type = 'version_applied';
select emit();
select refused($$select emit(payload => '{"a": 1}')$$, 'IU102');
