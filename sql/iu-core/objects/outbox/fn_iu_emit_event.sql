create or replace function public.fn_iu_emit_event(
    event_type text, canonical_address text, subject_ref uuid, actor_ref text, safe_payload jsonb
)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_text text := safe_payload::text;
    v_id uuid;
begin
    -- Each node of the expression is initialised again in each transaction, so there are few (decision
    -- 012).
    if (
        subject_ref is not null and length(canonical_address) <= 1000 and length(actor_ref) <= 200
        and canonical_address ~ '^[^\s[:cntrl:]](?:[^[:cntrl:]]*[^\s[:cntrl:]])?$'
        and actor_ref ~ '^[^\s[:cntrl:]](?:[^[:cntrl:]]*[^\s[:cntrl:]])?$'
        and public.fn_iu_payload_is_plain(v_text)
    ) is not true then
        perform public.fn_iu_event_check(event_type, canonical_address, subject_ref, actor_ref, safe_payload);
    end if;
    insert into public.event_outbox (
        event_domain, event_type, event_stream, delivery_lane, canonical_address, event_subject_table,
        event_subject_ref, actor_ref, payload_classification, safe_payload
    )
    select r.event_domain, r.event_type, r.event_stream, r.delivery_lane, canonical_address,
        r.event_subject_table, subject_ref, actor_ref, r.payload_classification, safe_payload
    from public.event_type_registry as r
    where r.event_type = fn_iu_emit_event.event_type and r.enabled
        and (r.payload_keys is null or safe_payload - r.payload_keys = '{}')
    returning event_id into v_id;
    if v_id is null then
        perform public.fn_iu_event_check(event_type, canonical_address, subject_ref, actor_ref, safe_payload);
        -- The type was enabled between the two statements. A bulk emit inserts or raises, so this does not
        -- repeat.
        select e into strict v_id from public.fn_iu_emit_events(jsonb_build_array(jsonb_build_object(
            'event_type', event_type, 'canonical_address', canonical_address, 'subject_ref', subject_ref,
            'actor_ref', actor_ref, 'safe_payload', safe_payload
        ))) as e;
    end if;
    return v_id;
end
$$;
comment on function public.fn_iu_emit_event(text, text, uuid, text, jsonb) is
'Emits one event in the caller''s transaction and returns its id (UUIDv7). canonical_address names the subject
for people, such as orders/17. subject_ref is the uuid of the subject: deliveries keep the order of the events
of one subject, and fn_iu_subject makes one from another key. actor_ref says who or what emits. safe_payload
is a small object of references and counts. Stream, lane, domain and classification come from the registry.
Raises IU101 for an unknown or disabled type; IU102 for a payload that is not an object, is larger than 8 KiB
or has a key that the type does not allow; IU103 for a payload that is not refs-only; IU104 for an argument
that is null, empty or malformed. Writes one row of event_outbox; takes no lock that another emitter waits
for.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_emit_event(text, text, uuid, text, jsonb)',
    'emit'
);
