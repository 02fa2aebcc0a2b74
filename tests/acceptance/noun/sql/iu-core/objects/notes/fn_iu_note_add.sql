create or replace function public.fn_iu_note_add(event_id uuid, note text)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_note_id bigint;
begin
    perform public.fn_iu_argument_require('note', note, 2000);
    if not exists (select from public.event_outbox as o where o.event_id = fn_iu_note_add.event_id) then
        raise exception 'no event %', event_id using
            errcode = 'IU104', hint = 'Give the event_id of a row of event_outbox.';
    end if;
    insert into public.iu_note (event_id, note) values (event_id, note) returning note_id into v_note_id;
    return v_note_id;
end
$$;
comment on function public.fn_iu_note_add(uuid, text) is
'Adds a note about an event and returns the number of the note. Raises IU104 if there is no such event, or if
the note is null, empty or malformed. Writes one row of iu_note.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_note_add(uuid, text)', 'operate');
