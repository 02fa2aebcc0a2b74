select refused($$select fn_iu_step_record('iu-core', '020_gates', repeat('a', 64))$$, 'IU901', '%020_gates%');
select refused(
    $$select fn_iu_step_record('iu-core', '990_new', repeat('a', 64))$$, 'IU901', '%990_new%requires no step%'
);
select fn_iu_step_require('iu-core', '020_gates');
select fn_iu_step_record('iu-other', '010_functions', repeat('a', 64));
select fn_iu_step_require('iu-core', '020_gates');
select fn_iu_step_record('iu-other', '010_functions', repeat('b', 64));
select fn_iu_step_require('iu-core', '020_gates');
select refused(
    $$select fn_iu_step_record('iu-core', '990_new', 'no checksum')$$, '23514', '%checksum_is_a_sha256%'
);
