select make_live();
select emit_many(19);
select same(run() ->> 'dead_lettered', '19');
