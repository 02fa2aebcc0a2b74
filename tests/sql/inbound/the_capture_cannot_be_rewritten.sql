select refused($$delete from iu_inbound_capture$$, 'IU203');
select refused($$update iu_inbound_capture set decision = 'dry_run'$$, 'IU203');
select refused(
    $$insert into iu_inbound_capture (route_code, source_table, source_op, source_ref, decision)
    values ('x', 'y', 'insert', iu_test.subject(1), 'emitted')$$,
    '23514', '%event_goes_with_emitted%'
);
