select emit();
select refused($$update event_outbox set actor_ref = 'x'$$, 'IU203', '%event_outbox%');
select refused($$delete from event_outbox$$, 'IU203');
select refused($$delete from event_outbox where false$$, 'IU203');
select refused($$truncate event_outbox$$, 'IU203');
