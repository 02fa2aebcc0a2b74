select fn_iu_gate_set('iu_core.delivery_enabled', 'true', 'said once');
update dot_config set value = 'false' where key = 'iu_core.delivery_enabled';
select same((select reason from dot_config_history order by change_no desc limit 1), null);
