create schema "Odd ""Schema""";
create type shop_mood as enum ('good', 'it''s');
create table "Odd ""Schema"""."Ta'ble" (
    "Id'; drop table event_outbox; --" bigint primary key, "{x}" text, mood shop_mood
);
select shop();
create function shop.evil(shop_mood) returns text language sql as $$ select 'evil' $$;
create cast (shop_mood as text) with function shop.evil(shop_mood) as implicit;
create function shop.evil_json(shop_mood) returns json language sql as $$ select '"evil"'::json $$;
create cast (shop_mood as json) with function shop.evil_json(shop_mood) as implicit;
create function shop.evil_equals(shop_mood, text) returns boolean language plpgsql as
$$ begin raise 'evil'; end $$;
create operator public.= (leftarg = shop_mood, rightarg = text, function = shop.evil_equals);
select capture(
    'insert', '{"equals": {"mood": "it''s"}}', source_table => 'Odd "Schema".Ta''ble',
    subject => array['Id''; drop table event_outbox; --'],
    address => 'x''y/{Id''; drop table event_outbox; --}', payload => '{"status": "mood"}'
);
insert into "Odd ""Schema"""."Ta'ble" values (1, 'x', 'it''s'), (2, 'x', 'good');
select same(captured(), 'x''y/1:it''s');
