select same(fn_iu_proof_note('one', '1', '1'), true);
select fn_iu_proof_end('all well');
select same(fn_iu_proof_note('two', '1', '2'), false);
select same(fn_iu_proof_note('three', null, '2'), false);
select refused($$select fn_iu_proof_end('not well')$$, 'IU902', '%two, three%');
