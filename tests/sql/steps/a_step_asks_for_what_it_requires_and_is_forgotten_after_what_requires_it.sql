select refused($$select fn_iu_step_require('iu-core', '999_never')$$, 'IU901', '%999_never%');
select refused($$select fn_iu_step_forget('iu-core', '020_gates')$$, 'IU901', '%020_gates%030_event_types_and_outbox%');
select fn_iu_step_forget('iu-core', '100_route_worker_live_verification');
