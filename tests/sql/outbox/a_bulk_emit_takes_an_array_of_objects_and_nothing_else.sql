select refused($$select fn_iu_emit_events(null)$$, 'IU104', '%null%');
select refused($$select fn_iu_emit_events('{}')$$, 'IU104', '%object%');
select refused($$select fn_iu_emit_events('"x"')$$, 'IU104');
select refused($$select fn_iu_emit_events('[1]')$$, 'IU104');
select refused($$select fn_iu_emit_events('[null]')$$, 'IU104');
select refused($$select fn_iu_emit_events('[[]]')$$, 'IU104');
select refused($$select fn_iu_emit_events('[{}]')$$, 'IU104', 'event 1:%');
select same((select count(*) from fn_iu_emit_events('[]')), 0);
