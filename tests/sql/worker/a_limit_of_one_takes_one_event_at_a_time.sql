select emit_many(4);
select same(drain(batch_limit => 1), '1,1,1,1,0');
select same((select count(*) from iu_route_batch where seen = 1 and first_event_seq = last_event_seq), 4);
