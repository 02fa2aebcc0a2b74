select keep('letter', letter()::text);
select refused(
    format('select fn_iu_route_dead_letter_replay(%L, %L)', kept('letter'), ''), 'IU104', '%run_ref%'
);
select refused(
    format('select fn_iu_route_dead_letter_replay(%L, repeat(%L, 201))', kept('letter'), 'x'), 'IU104',
    '%run_ref%'
);
