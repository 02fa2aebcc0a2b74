create or replace function public.fn_iu_capture_check(capture public.iu_inbound_route)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_type constant public.event_type_registry := public.fn_iu_event_type_require(capture.target_event_type);
    v_payload record;
begin
    if capture.route_code !~ '^[a-z0-9_][a-z0-9_.-]{0,99}$' then
        perform public.fn_iu_capture_refuse(
            capture.route_code, 'its code is malformed',
            'Give up to 100 characters a-z 0-9 _ . - that begin with a letter, a digit or _, for example '
            'shop.orders.paid.'
        );
    elsif capture.source_op not in ('insert', 'update', 'delete') then
        perform public.fn_iu_capture_refuse(
            capture.route_code, format('operation %L is unknown', left(capture.source_op, 100)),
            'Give insert, update or delete.'
        );
    elsif capture.address_template !~ '^([^{}]|\{[^{}]+\})+$'
        or length(capture.address_template) > 500
    then
        perform public.fn_iu_capture_refuse(
            capture.route_code, format('address %L is malformed', left(capture.address_template, 100)),
            'Give up to 500 characters with names of columns in braces, for example orders/{id}.'
        );
    elsif cardinality(capture.subject_columns) = 0 or jsonb_typeof(capture.condition) <> 'object'
        or jsonb_typeof(capture.payload_map) <> 'object'
        or (select count(*) > 50 from jsonb_object_keys(capture.payload_map))
    then
        perform public.fn_iu_capture_refuse(
            capture.route_code, 'subject, condition or payload is malformed',
            'Name at least one column of the subject, and give objects as condition and payload, with at '
            'most 50 keys.'
        );
    end if;
    perform public.fn_iu_capture_table_check(capture);
    perform public.fn_iu_capture_columns_check(capture);
    perform public.fn_iu_capture_condition_check(capture);
    if capture.subject_table is not null then
        perform public.fn_iu_subject(capture.subject_table, 'key');
    end if;
    for v_payload in select p.key, p.value from jsonb_each_text(capture.payload_map) as p loop
        if (v_payload.key = any (v_type.payload_keys)) is false then
            perform public.fn_iu_capture_refuse(
                capture.route_code, format('payload key %L is not allowed for %s', left(v_payload.key, 100),
                    v_type.event_type), 'Allowed: ' || array_to_string(v_type.payload_keys, ', ')
            );
        end if;
        -- The name of the column says what the value is, whatever the key is called.
        perform public.fn_iu_payload_check(jsonb_build_object(v_payload.value, 0));
        perform public.fn_iu_payload_check(jsonb_build_object(v_payload.key, 0), v_type.payload_keys);
    end loop;
end
$$;
comment on function public.fn_iu_capture_check(public.iu_inbound_route) is
'Raises IU101 if the event type of a capture is unknown or disabled, IU103 if the name of a payload key or of
its column means content or a secret, and IU703 if the capture is malformed or does not fit its table.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_check(public.iu_inbound_route)', 'internal'
);
