update event_type_registry set enabled = false where event_type = 'version_applied';
insert into information_unit (unit_id, canonical_address) values (subject(1), 'docs/a.md');
insert into unit_version (unit_id, version_seq) values (subject(1), 1);
select refused(
    $$insert into unit_version (unit_id, version_seq) values (iu_test.subject(1), 2)$$, 'IU101',
    '%version_applied%'
);
select same((select count(*) from unit_version), 1);
