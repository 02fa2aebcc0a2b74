select shop();
select capture('update', '{"changes": ["status"]}', code => 'changes', address => 'changes/{id}');
select capture('update', '{"equals": {"total": "1.50"}}', code => 'equals', address => 'equals/{id}');
select capture('update', '{"in": {"status": ["a", "it''s"]}}', code => 'in', address => 'in/{id}');
select capture(
    'update', '{"is_null": {"note": true, "total": false}}', code => 'null', address => 'null/{id}'
);
select capture(
    'update', '{"becomes": {"customer": "7"}, "equals": {"status": "a"}}', code => 'both',
    address => 'both/{id}'
);
insert into shop.orders values (1, 'a', 1.5), (2, 'b', null), (3, 'it''s', 3);
update shop.orders set customer = 7;
select same(captured(), 'both/1:a equals/1:a in/1:a null/1:a in/3:it''s null/3:it''s');
