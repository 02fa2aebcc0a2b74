select refused(
    format(
        $q$insert into event_type_registry (event_type, event_stream, delivery_lane) values (%L, 's', 'l')$q$,
        name
    ),
    'IU104', 'argument event_type is %', 'Give a lower-case letter, %'
)
from unnest(array[
    'Bad Name', '', 'UPPER', '1st', 'a-b', E'a\n', 'đơn_hàng', 'a;drop table x', repeat('a', 64), null
]) as name;
insert into event_type_registry (event_type, event_stream, delivery_lane) values
('shop.order_paid', 'update', 'immediate');
