select shop();
select capture('insert', code => 'shop.a-b_1');
select same(
    (select fn_iu_capture_body(r) ~ 'select /\* capture shop\.a-b_1 of iu_pipelines, see: iu capture show '
    from iu_inbound_route as r where r.route_code = 'shop.a-b_1'), true
);
select refused(
    $$update iu_inbound_route set route_code = 'a */ b' where route_code = 'shop.a-b_1'$$, 'IU703',
    '%code is malformed%', '%'
);
update iu_inbound_route set route_code = 'shop.b' where route_code = 'shop.a-b_1';
select same(fn_iu_captures_misfit(), null);
alter table iu_inbound_route disable trigger trg_iu_capture_define;
update iu_inbound_route set route_code = 'a */ drop' where route_code = 'shop.b';
select same(
    (select fn_iu_capture_body(r) ~ format('/\* capture number %s of iu_pipelines \*/', r.capture_no)
        and strpos(fn_iu_capture_body(r), 'drop') = 0
    from iu_inbound_route as r where r.route_code = 'a */ drop'), true
);
