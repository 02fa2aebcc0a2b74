-- Also without the constraint, if the two statements of an emit disagree about a null among the keys.
alter table event_type_registry drop constraint payload_keys_hold_no_null;
alter table event_type_registry disable trigger trg_iu_event_type_check;
update event_type_registry set payload_keys = '{a,null}' where event_type = 'version_applied';
select emit(payload => '{"a": 1}');
select refused($$select emit(payload => '{"b": 1}')$$, 'IU102');
select refused(
    $$select fn_iu_emit_events('[{"event_type": "version_applied", "canonical_address": "A", '
        '"subject_ref": "00000000-0000-4000-8000-000000000001", "actor_ref": "x", '
        '"safe_payload": {"b": 1}}]')$$, 'IU102'
);
select holds(prosrc not like '%public.fn_iu_emit_event(%', 'no recursion') from pg_proc
where proname = 'fn_iu_emit_event';
