create or replace function public.fn_iu_event_subject(
    place bigint, event_type text, canonical_address text, subject_ref text, actor_ref text,
    safe_payload jsonb
)
returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_state text;
    v_message text;
    v_hint text;
begin
    perform public.fn_iu_event_check(
        event_type, canonical_address, subject_ref::uuid, actor_ref, safe_payload
    );
    return subject_ref::uuid;
exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_message = message_text, v_hint = pg_exception_hint;
    if v_state = '22P02' then
        v_state := 'IU104';
        v_message := format('argument subject_ref is malformed: %L', left(subject_ref, 80));
        v_hint := 'Give a uuid. A key that is no uuid becomes one by fn_iu_subject(''shop.orders'', ''5''), '
            'or in a shell by: iu emit --subject-table shop.orders --subject-key 5';
    end if;
    raise exception 'event %: %', place, v_message using errcode = v_state, hint = v_hint;
end
$$;
comment on function public.fn_iu_event_subject(bigint, text, text, text, text, jsonb) is
'The subject uuid of an element of a bulk emit that did not pass the quick check. Raises the errors of
fn_iu_event_check with the element''s position in the message, and IU104 if the subject is not a uuid.
Volatile, so that it is called after the sort, in the order of the array.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_event_subject(bigint, text, text, text, text, jsonb)',
    'internal'
);
