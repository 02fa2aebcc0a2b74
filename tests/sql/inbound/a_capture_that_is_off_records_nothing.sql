select shop();
select capture('insert');
update iu_inbound_route set enabled = false where route_code = 'shop.insert';
insert into shop.orders values (1, 'a');
select same((select count(*) from iu_inbound_capture), 0::bigint);
