update event_type_registry set payload_keys = '{child_count,note}' where event_type = 'version_applied';
select emit(payload => '{"child_count": 2}');
select emit(payload => '{}');
select refused(
    $$select emit(payload => '{"child_count": 2, "other": 1}')$$, 'IU102', '%other%', '%child_count, note%'
);
select emit(payload => '{"note": {"inner": "is not asked"}}');
select refused($$select emit(payload => '{"note": {"body": 1}}')$$, 'IU103');
