-- 110: notes about events.
select public.fn_iu_step_require('iu-core', '060_inbound');

create table public.iu_note (
    note_id bigint generated always as identity primary key,
    event_id uuid not null,
    note text not null,
    noted_at timestamptz not null default clock_timestamp(),
    noted_by text not null default session_user
);
create index iu_note_by_event on public.iu_note (event_id, note_id);
comment on table public.iu_note is
'Notes about events: append-only, written by fn_iu_note_add.';
comment on column public.iu_note.note is 'what was noted';
