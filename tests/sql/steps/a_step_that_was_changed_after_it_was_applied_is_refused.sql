select refused($$select fn_iu_step_record('020_gates', repeat('a', 64))$$, 'IU901', '%020_gates%');
select fn_iu_step_record('070_functions', repeat('a', 64));
select refused($$select fn_iu_step_record('110_new', 'no checksum')$$, '23514', '%checksum_is_a_sha256%');
