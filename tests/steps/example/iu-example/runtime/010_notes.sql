-- 010: the table of the example module. It stands on the functions of the core.
select public.fn_iu_step_require('iu-core', '070_functions');

create table public.iu_example_note (
    note_id bigint generated always as identity primary key,
    note text not null,
    written_at timestamptz not null default clock_timestamp()
);
comment on table public.iu_example_note is 'Notes of the example module: append-only.';

select public.fn_iu_step_record('iu-example', '010_notes', '');
