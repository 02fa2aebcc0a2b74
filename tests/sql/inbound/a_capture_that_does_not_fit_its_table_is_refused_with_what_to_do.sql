select shop();
create table shop.keyless (id bigint);
create view shop.seen as select * from shop.orders;
create type shop.mood as (a int);
create table shop.odd (id bigint primary key, mood shop.mood, secret_token text, raw bytea);
select refused(
    $$select capture('insert', source_table => 'shop.none')$$, 'IU703', '%shop.none%does not exist%',
    '%schema.table%'
);
select refused($$select capture('insert', source_table => 'orders')$$, 'IU703', '%orders%', '%schema.table%');
select refused(
    $$select capture('insert', source_table => 'shop.keyless')$$, 'IU703', '%no primary key%',
    '%primary key%'
);
select refused(
    $$select capture('insert', source_table => 'shop.seen')$$, 'IU703', '%no permanent table%', '%'
);
select refused(
    $$select capture('insert', source_table => 'public.event_outbox', subject => '{event_id}')$$, 'IU703',
    '%iu_pipelines itself%', '%'
);
select refused(
    $$select capture('insert', payload => '{"total": "price"}')$$, 'IU703', '%no column ''price''%',
    '%id, status, total%'
);
select refused(
    $$select capture('insert', payload => '{"price": "total"}')$$, 'IU703', '%price%not allowed%',
    '%status, total%'
);
select refused(
    $$select capture('insert', source_table => 'shop.odd', payload => '{"status": "secret_token"}')$$,
    'IU103', '%secret_token%', '%'
);
select refused(
    $$select capture('insert', source_table => 'shop.odd', payload => '{"status": "mood"}')$$, 'IU703',
    '%mood%not supported%', '%'
);
select refused(
    $$select capture('insert', source_table => 'shop.odd', payload => '{"status": "raw"}')$$, 'IU703',
    '%raw%not supported%', '%'
);
select refused(
    $$select capture('insert', '{"becomes": {"status": "a"}}')$$, 'IU703', '%becomes needs an update%',
    '%equals%'
);
select refused($$select capture('update', '{"where": {"status": "a"}}')$$, 'IU703', '%where%', '%becomes%');
select refused($$select capture('update', '{"equals": {"id": "five"}}')$$, 'IU703', '%five%', '%int8%');
select refused($$select capture('update', '{"equals": {"id": null}}')$$, 'IU703', '%id%', '%is_null%');
select refused($$select capture('update', '{"in": {"id": "5"}}')$$, 'IU703', '%id%', '%');
select refused($$select capture('upsert')$$, 'IU703', '%upsert%', '%insert, update or delete%');
select refused($$select capture('insert', address => 'orders/{id')$$, 'IU703', '%orders/{id%', '%braces%');
select refused($$select capture('insert', subject => '{}')$$, 'IU703', '%malformed%', '%');
select refused(
    $$select capture('insert', code => 'Shop Orders')$$, 'IU703', '%code is malformed%',
    '%shop.orders.paid%'
);
select refused(
    $$insert into iu_inbound_route (route_code, source_table, source_op, target_event_type)
    values ('orders', 'orders', 'insert', 'order_changed')$$, 'IU703', '%no subject%', '%iu capture add%'
);
