-- 070: the functions of the example module.
select public.fn_iu_step_require('iu-example', '010_notes');

\ir ../objects/notes/tables.sql
\ir ../objects/notes/fn_iu_example_note_add.sql

select public.fn_iu_step_record('iu-example', '070_functions', '');
