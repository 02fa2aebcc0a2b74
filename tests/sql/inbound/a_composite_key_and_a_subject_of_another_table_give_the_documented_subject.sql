select shop();
create table shop.lines (order_id bigint, line text, note text, primary key (order_id, line));
select capture(
    'insert', source_table => 'shop.lines', subject => '{order_id,line}',
    address => 'lines/{order_id}/{line}', payload => '{}', code => 'lines'
);
insert into shop.lines values (5, 'a"ü');
select same((select source_key from iu_inbound_capture), '["5","a\"ü"]');
select same((select event_subject_ref from event_outbox), fn_iu_subject('shop.lines', '["5","a\"ü"]'));
select same(
    (select event_subject_ref from event_outbox), fn_iu_subject_composite('shop.lines', array['5', 'a"ü'])
);
update iu_inbound_route set subject_table = 'shop.orders', subject_columns = '{order_id}'
where route_code = 'lines';
insert into shop.lines values (5, 'b');
select same(
    (select source_ref from iu_inbound_capture where source_key = '["5","b"]'),
    fn_iu_subject('shop.orders', '5')
);
