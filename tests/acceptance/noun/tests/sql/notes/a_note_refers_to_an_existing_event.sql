select keep('event', emit()::text);
select holds(fn_iu_note_add(kept('event')::uuid, 'looked at') > 0, 'the note has a number');
select same((select note from iu_note where event_id = kept('event')::uuid), 'looked at');
select refused('select fn_iu_note_add(gen_random_uuid(), ''nothing'')', 'IU104', 'no event %');
select refused('delete from iu_note', 'IU203');
