select fn_iu_gate_set('iu_core.routes_enabled', 'false', 'test');
select refused($$select run(batch_limit => 0)$$, 'IU301');
select refused($$select run('')$$, 'IU104');
