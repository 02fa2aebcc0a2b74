select refused('select fn_iu_attempts_by_event(null)', 'IU104', '%event_id%', '%event_id%');
select refused('select fn_iu_attempts_by_batch(null)', 'IU104', '%batch_id%', '%iu batch list%');
select refused('select fn_iu_attempts_by_id(null)', 'IU104', '%attempt_id%', '%iu audit%');
select refused('select fn_iu_attempts_by_run(null)', 'IU104', '%run_ref%');
select refused('select fn_iu_attempts_by_run(''a '')', 'IU104', '%run_ref%');
select refused('select fn_iu_attempts_by_worker(''no name!'')', 'IU104', '%no name!%');
select refused('select fn_iu_attempts_by_key(null)', 'IU104', '%null%', '%worker:event:route%');
select refused('select fn_iu_attempts_by_key(''a:no-event:b'')', 'IU104', '%no-event%', '%dead letter%');
select refused('select fn_iu_attempts_by_key(repeat(''x'', 100000))', 'IU104');
select refused(format('select fn_iu_attempts_%s', replace(call, 'N', n)), 'IU301', '%' || n || '%10000%')
from unnest(array['newest(N)', 'by_worker(''tester'', N)', 'by_run(''a run'', N)', 'by_batch(1, N)']) as call
cross join unnest(array['0', '-1', '10001', 'null']) as n;
select same((select count(*) from fn_iu_attempts_newest(10000)), 0);
select same((select count(*) from fn_iu_attempts_newest(1, -9223372036854775808)), 0);
select same((select count(*) from fn_iu_attempts_by_id(9223372036854775807)), 0);
select same((select count(*) from fn_iu_attempts_by_batch(-1)), 0);
