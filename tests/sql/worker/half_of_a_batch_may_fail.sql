select make_live('iu.structure_piece_split.workflow');
select emit_many(10);
select emit_many(10, 'structure_piece_split');
select same(run() ->> 'dead_lettered', '10');
