select make_live('iu.structure_piece_split.workflow');
select emit_many(10);
select emit_many(11, 'structure_piece_split');
select refused($$select run()$$, 'IU302', '%11 of 21%');
