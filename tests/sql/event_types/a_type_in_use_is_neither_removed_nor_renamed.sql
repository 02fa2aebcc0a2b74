select refused(
    statement, 'IU104', 'event type ''version_applied'' is in use by 1 routes and captures',
    '%iu.version_applied.workflow%iu type disable version_applied'
)
from unnest(array[
    $$delete from event_type_registry where event_type = 'version_applied'$$,
    $$update event_type_registry set event_type = 'renamed' where event_type = 'version_applied'$$
]) as statement;
select refused(
    $$delete from event_type_registry where event_type = 'sql_link_created'$$,
    'IU104', '%in use%', '%iu_sql.iu_sql_link.insert%'
);
insert into event_type_registry (event_type, event_stream, delivery_lane) values
('t.unused', 'update', 'immediate');
select emit('t.unused');
update event_type_registry set event_type = 't.renamed' where event_type = 't.unused';
delete from event_type_registry where event_type = 't.renamed';
select same((select count(*) from event_outbox where event_type = 't.unused'), 1, 'its event stays');
