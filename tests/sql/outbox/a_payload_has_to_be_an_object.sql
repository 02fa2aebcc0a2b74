select refused($$select emit(payload => '[]')$$, 'IU102', '%array%');
select refused($$select emit(payload => '"text"')$$, 'IU102', '%string%');
select refused($$select emit(payload => '5')$$, 'IU102', '%number%');
select refused($$select emit(payload => 'null')$$, 'IU102', '%null%');
select refused($$select emit(payload => 'true')$$, 'IU102', '%boolean%');
