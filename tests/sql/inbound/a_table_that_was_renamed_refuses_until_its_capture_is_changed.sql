select shop();
select capture('insert');
alter table shop.orders rename to purchases;
select refused($$insert into shop.purchases values (1, 'a')$$, 'IU703', '%purchases%', '%renamed%');
select same(
    (select attachment from fn_iu_capture_list() where route_code = 'shop.insert'), 'table is missing'
);
