create or replace function public.fn_iu_delivery_rehearsal_record(
    route_code text, event_id uuid, body_hash text, signature text
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_found record;
    v_route public.iu_outbound_route;
    v_target public.iu_delivery_target;
    v_event public.event_outbox;
    v_body text;
    v_hash bytea;
    v_fault text;
    v_no bigint;
begin
    v_found := public.fn_iu_promotion_route(route_code);
    v_route := v_found.route;
    v_target := v_found.target;
    perform public.fn_iu_target_sender_require(v_target);
    perform public.fn_iu_name_require(
        'body_hash', body_hash, '^[0-9a-f]{64}$', 'Give the sha256 of the body: 64 hexadecimal digits.'
    );
    perform public.fn_iu_argument_require('signature', signature, 2000);
    select o.* into v_event from public.event_outbox as o
    where o.event_id = fn_iu_delivery_rehearsal_record.event_id and o.event_type = v_route.event_type;
    if v_event.event_id is null then
        raise exception 'event % is not of type %', coalesce(event_id::text, 'null'), v_route.event_type using
            errcode = 'IU104', hint = 'Give an event that fn_iu_delivery_rehearse returned.';
    end if;
    v_body := public.fn_iu_delivery_rehearsal_body(v_event, v_route.route_no);
    v_hash := sha256(convert_to(v_body, 'UTF8'));
    v_fault := case
        when v_hash <> decode(body_hash, 'hex') then 'the body that was signed is not that of the event'
        when octet_length(v_body) > 65536 then format('the body has %s bytes, more than 65536',
            octet_length(v_body))
    end;
    insert into public.iu_delivery_rehearsal (
        route_no, route_version, target_version, configuration_hash, event_id, payload_kind, body_bytes,
        body_hash, signature_hash, passed, error_detail
    )
    values (
        v_route.route_no, v_route.route_version, v_target.target_version,
        public.fn_iu_promotion_configuration(v_route.event_type), v_event.event_id,
        public.fn_iu_payload_kind(v_event.safe_payload), octet_length(v_body), v_hash,
        sha256(convert_to(signature, 'UTF8')), v_fault is null, v_fault
    )
    returning rehearsal_no into v_no;
    return jsonb_build_object('rehearsal_no', v_no, 'passed', v_fault is null, 'error_detail', v_fault);
end
$$;
comment on function public.fn_iu_delivery_rehearsal_record(text, uuid, text, text) is
'Records that a sender rendered and signed the body of an event of a route: the body is rendered again and
compared with its sha256, its size may be 64 KiB at most, and the sha256 of the signature is kept. Returns
{"rehearsal_no", "passed", "error_detail"}. Raises IU104, IU205 as fn_iu_promotion_route, and IU201 for a
login that may not deliver to the target. That the signature is right is the word of the sender.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_rehearsal_record(text, uuid, text, text)', 'deliver'
);
