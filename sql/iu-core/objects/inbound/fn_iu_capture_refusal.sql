create or replace function public.fn_iu_capture_refusal(
    event jsonb, out error_code text, out error_detail text
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Writes nothing, so the exception handler assigns no transaction id.
    perform public.fn_iu_event_check(
        event ->> 'event_type', event ->> 'canonical_address', (event ->> 'subject_ref')::uuid,
        event ->> 'actor_ref', event -> 'safe_payload'
    );
exception when others then
    get stacked diagnostics error_code = returned_sqlstate, error_detail = message_text;
    if public.fn_iu_fault_is_systemic(error_code) then
        raise;
    end if;
end
$$;
comment on function public.fn_iu_capture_refusal(jsonb) is
'Why an emit would refuse an event: the code and the message of its error; nulls if it would not.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_capture_refusal(jsonb)', 'internal');
