select refused(
    $$select fn_iu_route_dead_letter_replay('00000000-0000-4000-8000-00000000beef')$$, 'IU401',
    '%00000000-0000-4000-8000-00000000beef%'
);
select refused(
    $$select fn_iu_route_dead_letter_discard('00000000-0000-4000-8000-00000000beef', 'x')$$, 'IU401',
    '%00000000-0000-4000-8000-00000000beef%'
);
select refused($$select fn_iu_route_dead_letter_replay(null)$$, 'IU104', '%dead_letter_id%null%');
select refused($$select fn_iu_route_dead_letter_discard(null, 'x')$$, 'IU104', '%dead_letter_id%null%');
select fn_iu_gate_set('iu_core.routes_enabled', 'false', 'test');
select refused($$select fn_iu_route_dead_letter_replay('00000000-0000-4000-8000-00000000beef')$$, 'IU401');
