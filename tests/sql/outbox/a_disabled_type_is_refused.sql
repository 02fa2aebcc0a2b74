update event_type_registry set enabled = false where event_type = 'version_applied';
select refused($$select emit()$$, 'IU101', 'disabled%version_applied%');
