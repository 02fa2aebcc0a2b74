select refused($$select fn_iu_route_worker_run('tester', 10, '')$$, 'IU104', '%run_ref%');
select refused($$select fn_iu_route_worker_run('tester', 10, repeat('x', 201))$$, 'IU104', '%run_ref%');
select emit();
select fn_iu_route_worker_run('tester', 10, 'run-42');
select same((select run_ref from iu_route_batch), 'run-42');
select same((select run_ref from iu_route_attempt), 'run-42');
