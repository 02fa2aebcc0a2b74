select shop();
select capture('insert');
create temp table orders (id bigint primary key, status text, total numeric, customer bigint, note text);
create table shop.other (like shop.orders including all);
do $$
declare
    v_no text := (select capture_no::text from iu_inbound_route where route_code = 'shop.insert');
begin
    perform keep('function', format('public.fn_iu_capture_%s()', v_no));
    execute format('create trigger trg_iu_capture_insert_%s_insert after insert on pg_temp.orders referencing new table as new_rows for each statement execute function %s', v_no, kept('function'));
    execute format('create trigger trg_iu_capture_insert_%s_insert after insert on shop.other referencing new table as new_rows for each statement execute function %s', v_no, kept('function'));
    execute format('create trigger again after insert on shop.orders referencing new table as new_rows for each statement execute function %s', kept('function'));
end
$$;
select refused($$insert into pg_temp.orders values (1, 'forged')$$, 'IU703', '%shop.orders%', '%iu capture show%');
select refused($$insert into shop.other values (1, 'forged')$$, 'IU703', '%shop.orders%', '%iu capture show%');
select refused($$insert into shop.orders values (1, 'twice')$$, 'IU703', '%trigger again%', '%iu capture show%');
select same((select count(*) from event_outbox), 0::bigint);
