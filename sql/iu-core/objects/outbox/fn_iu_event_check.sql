create or replace function public.fn_iu_event_check(
    event_type text, canonical_address text, subject_ref uuid, actor_ref text, safe_payload jsonb
)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_type public.event_type_registry;
    v_stranger text;
begin
    perform public.fn_iu_argument_require('event_type', event_type, 100);
    perform public.fn_iu_argument_require('canonical_address', canonical_address, 1000);
    perform public.fn_iu_argument_require('actor_ref', actor_ref, 200);
    if subject_ref is null or safe_payload is null then
        raise exception 'argument % is null',
            case when subject_ref is null then 'subject_ref' else 'safe_payload' end using
            errcode = 'IU104',
            hint = 'Give the uuid of the subject as subject_ref, and an object, perhaps {}, as safe_payload.';
    end if;
    v_type := public.fn_iu_event_type_require(event_type);
    if jsonb_typeof(safe_payload) <> 'object' then
        raise exception 'payload is %, not an object', jsonb_typeof(safe_payload) using
            errcode = 'IU102',
            hint = 'Send an object of references and counts, for example {"child_count": 2}.';
    end if;
    perform public.fn_iu_payload_check(safe_payload, v_type.payload_keys);
    select k into v_stranger from jsonb_object_keys(safe_payload) as k
    where v_type.payload_keys is not null and (k = any (v_type.payload_keys)) is not true limit 1;
    if v_stranger is not null then
        raise exception 'payload key % is not allowed for %',
            quote_literal(left(v_stranger, 100)), event_type using
            errcode = 'IU102', hint = 'Allowed: ' || array_to_string(v_type.payload_keys, ', ');
    end if;
end
$$;
comment on function public.fn_iu_event_check(text, text, uuid, text, jsonb) is
'Complete check of one event before it is emitted: raises the errors of fn_iu_emit_event, and returns nothing
otherwise.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_event_check(text, text, uuid, text, jsonb)',
    'internal'
);
