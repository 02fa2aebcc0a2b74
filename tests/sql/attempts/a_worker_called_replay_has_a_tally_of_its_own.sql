select keep('name', 'replay.' || pg_backend_pid() % 256);
select letter();
select run(kept('name'));
select fn_iu_route_dead_letter_replay(dead_letter_id) from iu_route_dead_letter;
select same(
    (select jsonb_object_agg(split_part(tally_key, '/', 1), attempts) from iu_route_attempt_tally),
    jsonb_build_object('tester', 1, kept('name'), 1, 'replay', 1)
);
select refused($$select run('replay/1')$$, 'IU104');
