-- The SQL of notes.py.

-- name: add
select public.fn_iu_note_add(%(event_id)s, %(note)s);

-- name: recent
select note_id, event_id, note, noted_at, noted_by
from public.iu_note
order by note_id desc
limit %(limit)s;
