update dot_config set value = 'TRUE' where key = 'iu_core.routes_enabled';
select same(run() ->> 'status', 'master_gate_closed');
update dot_config set value = 'true ' where key = 'iu_core.routes_enabled';
select same(run() ->> 'status', 'master_gate_closed');
update dot_config set value = '1' where key = 'iu_core.routes_enabled';
select same(run() ->> 'status', 'master_gate_closed');
