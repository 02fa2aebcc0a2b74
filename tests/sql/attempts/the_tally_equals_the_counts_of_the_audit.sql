select make_live('iu.structure_piece_split.workflow');
select emit_many(25);
select emit_many(3, 'structure_piece_split');
select run();
select run('other', 10);
select fn_iu_route_dead_letter_replay(dead_letter_id) from iu_route_dead_letter;
select same(
    (select jsonb_build_array(sum(attempts), sum(failed), sum(sent)) from iu_route_attempt_tally),
    (
        select jsonb_build_array(
            count(*), count(*) filter (where decision = 'failed'), count(*) filter (where decision = 'sent')
        ) from iu_route_attempt
    )
);
select same((select count(*) from iu_route_attempt), 41);
