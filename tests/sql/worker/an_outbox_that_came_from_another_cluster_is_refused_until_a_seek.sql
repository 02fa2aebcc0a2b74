select emit_many(3);
insert into event_outbox_cluster (system_identifier, restored_seq) values (42, 0);
select refused($$select run('fresh')$$, 'IU501', '%fresh%42%', '%beginning%');
select fn_iu_route_worker_seek('fresh', 'beginning', 'restored');
select same(
    (select system_identifier from event_outbox_cluster order by anchor_no desc limit 1),
    (select system_identifier from pg_control_system())
);
select same(run('fresh') ->> 'attempts_written', '3');
