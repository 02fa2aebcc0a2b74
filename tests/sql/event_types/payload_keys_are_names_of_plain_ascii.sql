select refused(
    format($q$update event_type_registry set payload_keys = %L::text[]$q$, keys),
    'IU104', 'argument payload_keys contains ' || says, '%A-Z a-z 0-9 _ . : -%'
)
from (values
    (array['a', null], 'null'), (array['a', ''], 'an empty name'), (array['na me'], '%''na me'''),
    (array[' a'], '%'' a'''), (array[E'a\nb'], 'a malformed name:%'), (array['số'], '%''số'''),
    (array['{a}'], '%''{a}'''), (array[repeat('k', 101)], 'a name of 101 characters')
) as bad (keys, says);
select refused(
    $$insert into event_type_registry (event_type, event_stream, delivery_lane, payload_keys)
    values ('t.x', 'a', 'b', array[null]::text[])$$,
    'IU104', 'argument payload_keys contains null'
);
update event_type_registry set payload_keys = '{}' where event_type = 'version_applied';
select emit();
select refused($$select emit(payload => '{"a": 1}')$$, 'IU102');
