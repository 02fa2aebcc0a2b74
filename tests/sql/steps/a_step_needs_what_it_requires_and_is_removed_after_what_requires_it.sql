select refused($$select fn_iu_step_require('iu-core', '999_never')$$, 'IU901', '%999_never%');
select refused(
    $$select fn_iu_step_forget('iu-core', '020_gates')$$, 'IU901', '%020_gates%030_event_types_and_outbox%'
);
select fn_iu_step_require('iu-core', '100_route_worker_live_verification');
select fn_iu_step_record('iu-core', '990_new', repeat('a', 64));
select refused(
    $$select fn_iu_step_forget('iu-core', '100_route_worker_live_verification')$$, 'IU901',
    '%100_route%990_new%'
);
select fn_iu_step_forget('iu-core', '990_new');
select same((select count(*) from iu_schema_step where step_name = '990_new'), 0);
