select emit_many(6);
select same(drain(batch_limit => 3), '3,3,0');
