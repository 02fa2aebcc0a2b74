select refused(
    $$insert into event_type_registry (event_type, event_stream, delivery_lane)
    values ('Bad Name', 's', 'l')$$,
    '23514', '%event_type_is_a_name%'
);
