select refused($$select fn_iu_step_require('999_never')$$, 'IU901', '%999_never%');
select refused($$select fn_iu_step_forget('020_gates')$$, 'IU901', '%020_gates%100_route_worker_live_verification%');
select fn_iu_step_forget('100_route_worker_live_verification');
