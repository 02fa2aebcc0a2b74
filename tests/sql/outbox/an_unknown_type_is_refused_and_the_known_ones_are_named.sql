select refused($$select emit('no_such_type')$$, 'IU101', '%no_such_type%', '%version_applied%');
select refused($$select emit('VERSION_APPLIED')$$, 'IU101');
