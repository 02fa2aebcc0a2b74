\set ON_ERROR_STOP on
-- Probe 010: a note is written and rolled back.
begin;
select public.fn_iu_proof_note(
    'a note is numbered', 'true', (public.fn_iu_example_note_add('probe') > 0)::text
);
rollback;
select public.fn_iu_proof_note('no note is left', '0', (select count(*)::text from public.iu_example_note));
select public.fn_iu_proof_end('iu-example/010_note_probe');
