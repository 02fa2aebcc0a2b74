select shop();
create table shop.sales (id bigint, day int, status text, primary key (id, day)) partition by list (day);
create table shop.sales_1 partition of shop.sales for values in (1);
create table shop.sales_2 partition of shop.sales for values in (2);
select capture('insert', source_table => 'shop.sales', address => 'sales/{id}', code => 's.insert');
select capture('update', source_table => 'shop.sales', address => 'sales/{id}', code => 's.update');
select capture('delete', source_table => 'shop.sales', address => 'sales/{id}', code => 's.delete');
insert into shop.sales values (1, 1, 'a'), (2, 2, 'b');
update shop.sales set status = 'c' where id = 1;
select same(captured(), 'sales/1:a sales/1:c sales/2:b');
-- A row that moves to another partition has another key.
update shop.sales set day = 2 where id = 1;
select same(
    (select string_agg(route_code || ' ' || source_key, ', ' order by capture_id) from iu_inbound_capture
    where capture_id > (select max(capture_id) - 2 from iu_inbound_capture)),
    's.delete ["1","1"], s.insert ["1","2"]'
);
insert into shop.sales_1 values (3, 1, 'direct');
select same((select count(*) from iu_inbound_capture where source_key like '["3"%'), 0::bigint);
select capture('insert', source_table => 'shop.sales_1', address => 'sales/{id}', code => 's1.insert');
insert into shop.sales_1 values (4, 1, 'direct');
insert into shop.sales values (5, 1, 'parent');
select same(
    (select string_agg(route_code || ' ' || source_key, ', ' order by capture_id) from iu_inbound_capture
    where source_key ~ '[45]'),
    's1.insert ["4","1"], s.insert ["5","1"]'
);
