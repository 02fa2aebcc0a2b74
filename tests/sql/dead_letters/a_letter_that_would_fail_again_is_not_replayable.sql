insert into iu_route_dead_letter (event_id, route_code, idempotency_key, next_replay_at) values
(emit(), 'iu.version_applied.workflow', 'test:waits', now() + interval '1 hour'),
(emit(), 'iu.unknown', 'test:no route of this code', now() - interval '1 hour'),
(emit(), null, 'test:no route', now() - interval '1 hour');
select same((select count(*) from fn_iu_dead_letters_replayable(10)), 0);
-- A change of another route has no effect; a change of its own route makes the letter replayable.
update iu_outbound_route set target_ref = 'other' where route_code = 'iu.structure_piece_split.workflow';
select same((select count(*) from fn_iu_dead_letters_replayable(10)), 0);
update iu_outbound_route set target_ref = 'other' where route_code = 'iu.version_applied.workflow';
select same((select string_agg(idempotency_key, ' ') from fn_iu_dead_letters_replayable(10)), 'test:waits');
-- With a disabled or a live route a replay would fail.
update iu_outbound_route set enabled = false where route_code = 'iu.version_applied.workflow';
select same((select count(*) from fn_iu_dead_letters_replayable(10)), 0);
update iu_outbound_route set enabled = true where route_code = 'iu.version_applied.workflow';
select make_live();
select same((select count(*) from fn_iu_dead_letters_replayable(10)), 0);
