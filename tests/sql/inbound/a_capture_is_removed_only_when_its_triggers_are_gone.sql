select shop();
select capture('insert');
select refused(
    $$delete from iu_inbound_route where route_code = 'shop.insert'$$, 'IU703', '%attached to shop.orders%',
    '%drop trigger trg_iu_capture_%'
);
select refused(
    $$update iu_inbound_route set source_op = 'delete' where route_code = 'shop.insert'$$, 'IU703',
    '%attached%', '%drop trigger%'
);
select same((select attachment from fn_iu_capture_list() where route_code = 'shop.insert'), 'attached');
do $$
declare
    v_statement text;
begin
    for v_statement in
        select unnest(detach_statements) from fn_iu_capture_list() where route_code = 'shop.insert'
    loop
        execute v_statement;
    end loop;
end
$$;
select same((select attachment from fn_iu_capture_list() where route_code = 'shop.insert'), 'not attached');
delete from iu_inbound_route where route_code = 'shop.insert';
select same((select count(*) from pg_proc where proname ~ '^fn_iu_capture_[0-9]+$'), 0::bigint);
insert into shop.orders values (1, 'a');
