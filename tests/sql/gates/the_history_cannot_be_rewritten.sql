select refused($$update dot_config_history set reason = 'x'$$, 'IU203', '%dot_config_history%');
select refused($$delete from dot_config_history$$, 'IU203');
select refused($$truncate dot_config_history$$, 'IU203');
