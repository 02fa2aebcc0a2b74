select refused(
    format($q$insert into event_type_registry (event_type, event_stream, delivery_lane, %I)
    values ('t.x', 's', 'l', %L)$q$, name, value),
    'IU104', format('argument %s is %%', name)
)
from unnest(array['event_domain', 'payload_classification', 'event_subject_table']) as name,
    unnest(array['', ' x', E'x\n', null]) as value;
select refused(
    format($q$update event_type_registry set %I = %L where event_type = 'version_applied'$q$, name, value),
    'IU104', format('argument %s is %%', name), '%lower-case letter%'
)
from unnest(array['event_domain', 'event_stream', 'delivery_lane', 'payload_classification']) as name,
    unnest(array['', 'Shop', 'a b', 'a''b', 'ñ', repeat('a', 64), null]) as value;
update event_type_registry set event_stream = 'other-stream', delivery_lane = 'batch', event_domain = 'shop'
where event_type = 'version_applied';
