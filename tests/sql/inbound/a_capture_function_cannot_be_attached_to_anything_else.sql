select shop();
select capture('insert');
create temp table orders (id bigint primary key, status text, total numeric, customer bigint, note text);
create table shop.other (like shop.orders including all);
do $$
declare
    v_no constant int := (select capture_no from iu_inbound_route where route_code = 'shop.insert');
    v_name constant text := format('trg_iu_capture_insert_%s_insert', v_no);
    v_form constant text := 'create trigger %s after insert on %s referencing new table as new_rows '
        'for each statement execute function public.fn_iu_capture_%s()';
begin
    execute format(v_form, v_name, 'pg_temp.orders', v_no);
    execute format(v_form, v_name, 'shop.other', v_no);
    execute format(v_form, 'again', 'shop.orders', v_no);
end
$$;
select refused(
    $$insert into pg_temp.orders values (1, 'forged')$$, 'IU703', '%shop.orders%', '%iu capture show%'
);
select refused(
    $$insert into shop.other values (1, 'forged')$$, 'IU703', '%shop.orders%', '%iu capture show%'
);
select refused(
    $$insert into shop.orders values (1, 'twice')$$, 'IU703', '%trigger again%', '%iu capture show%'
);
select same((select count(*) from event_outbox), 0::bigint);
