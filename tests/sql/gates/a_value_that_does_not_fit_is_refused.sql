select refused($$select fn_iu_gate_set('iu_core.routes_enabled', 'yes', 'x')$$, 'IU202', '%yes%');
select refused($$select fn_iu_gate_set('iu_core.routes_enabled', '', 'x')$$, 'IU202');
select refused($$select fn_iu_gate_set('iu_core.routes_enabled', null, 'x')$$, 'IU202', '%null%');
select refused($$select fn_iu_gate_set('iu_core.routes_enabled', E'true\n', 'x')$$, 'IU202');
select refused($$select fn_iu_gate_set('iu_core.stall_seconds', '0', 'x')$$, 'IU202');
select refused($$select fn_iu_gate_set('iu_core.stall_seconds', '-5', 'x')$$, 'IU202');
select refused($$select fn_iu_gate_set('iu_core.delivery_live_routes', 'a,,b', 'x')$$, 'IU202');
select refused(
    $$select fn_iu_gate_set('iu_core.routes_enabled', repeat('a', 5000), 'x')$$, 'IU202',
    'value ''' || repeat('a', 80) || ''' %'
);
