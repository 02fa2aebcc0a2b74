select refused(
    $$select fn_iu_gate_set('iu_core.no_such', 'true', 'x')$$, 'IU202', '%iu_core.no_such%',
    '%iu_core.routes_enabled%'
);
