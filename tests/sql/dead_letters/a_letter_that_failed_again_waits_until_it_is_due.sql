select keep('letter', letter()::text);
select make_live();
select fn_iu_route_dead_letter_replay(kept('letter')::uuid);
select same((select count(*) from fn_iu_dead_letters_replayable(10)), 0);
-- The route is dry-run again, and another attempt fails after that change.
update iu_outbound_route set dry_run = true where route_code = 'iu.version_applied.workflow';
select same((select count(*) from fn_iu_dead_letters_replayable(10)), 1);
insert into iu_route_attempt_log (
    event_id, worker_no, route_no, attempt_no, decision, error_code, error_detail, idempotency_key
)
select event_id, worker_no, route_no, attempt_no + 1, decision, error_code, error_detail, idempotency_key
from iu_route_attempt_log order by attempt_no desc limit 1;
select same((select count(*) from fn_iu_dead_letters_replayable(10)), 0);
update iu_route_dead_letter set next_replay_at = now();
select same((select count(*) from fn_iu_dead_letters_replayable(10)), 1);
select fn_iu_route_dead_letter_discard(kept('letter')::uuid, 'test');
select same((select count(*) from fn_iu_dead_letters_replayable(10)), 0);
