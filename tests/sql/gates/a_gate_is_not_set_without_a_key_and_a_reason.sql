select refused($$select fn_iu_gate_set(null, 'true', 'x')$$, 'IU104', '%key%null%');
select refused($$select fn_iu_gate_set('', 'true', 'x')$$, 'IU104', '%key%empty%');
select refused($$select fn_iu_gate_set('iu_core.routes_enabled', 'true', null)$$, 'IU104', '%reason%null%');
select refused($$select fn_iu_gate_set('iu_core.routes_enabled', 'true', '')$$, 'IU104', '%reason%empty%');
select refused($$select fn_iu_gate_set('iu_core.routes_enabled', 'true', '  ')$$, 'IU104');
