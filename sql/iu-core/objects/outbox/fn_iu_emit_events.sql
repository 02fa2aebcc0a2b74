create or replace function public.fn_iu_emit_events(events jsonb)
returns setof uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if events is null or jsonb_typeof(events) <> 'array' then
        raise exception 'argument events is %', coalesce(jsonb_typeof(events), 'null') using
            errcode = 'IU104', hint = 'Give an array of objects with event_type, canonical_address, '
                'subject_ref, actor_ref and safe_payload.';
    end if;
    if jsonb_path_exists(events, 'strict $[*] ? (@.type() != "object")') then
        raise exception 'argument events contains an element that is not an object' using
            errcode = 'IU104', hint = 'Each element is an object with event_type, canonical_address, '
                'subject_ref, actor_ref and safe_payload.';
    end if;
    return query
    with given as materialized (
        select e.*, e.safe_payload::text as payload_text, r.event_domain, r.event_stream, r.delivery_lane,
            r.event_subject_table, r.payload_classification, coalesce(
                r.enabled and jsonb_typeof(e.safe_payload) = 'object'
                and coalesce(e.safe_payload - r.payload_keys, '{}') = '{}'
                and e.subject_ref like '________-____-____-____-____________'
                and length(e.canonical_address) between 1 and 1000
                and length(e.actor_ref) between 1 and 200, false
            ) as is_tidy
        from rows from (jsonb_to_recordset(events) as (
            event_type text, canonical_address text, subject_ref text, actor_ref text, safe_payload jsonb
        )) with ordinality as e (event_type, canonical_address, subject_ref, actor_ref, safe_payload, place)
        left join public.event_type_registry as r on r.event_type = e.event_type
    ),
    looked_at as materialized (
        -- All payloads as one text: compiling and starting the expression dominates for short texts (decision
        -- 012).
        select sum(octet_length(g.payload_text)) <= 16777216 and string_agg(g.payload_text, '')
            collate "C" !~* (public.fn_iu_payload_words_regexp() || '|[^a-z0-9_.:"-][^"]*":|"":|\\|[^}]\{|\[')
            as is_plain,
            count(*) <= 65536 and string_agg(g.subject_ref, '') !~ '[^0-9a-fA-F-]'
            and length(replace(string_agg(g.subject_ref, ''), '-', '')) = 32 * count(*)
            and '|' || string_agg(g.canonical_address || '|' || g.actor_ref, '|') || '|'
            !~ '\|\s|\s\||[[:cntrl:]]' as is_clean
        from given as g where g.is_tidy
    )
    insert into public.event_outbox (
        event_domain, event_type, event_stream, delivery_lane, canonical_address, event_subject_table,
        event_subject_ref, actor_ref, payload_classification, safe_payload
    )
    select
        g.event_domain, g.event_type, g.event_stream, g.delivery_lane, g.canonical_address,
        g.event_subject_table, case
            when g.is_tidy and octet_length(g.payload_text) <= 8192
                and (l.is_plain or public.fn_iu_payload_is_plain(g.payload_text))
                and (l.is_clean or (
                    g.subject_ref !~ '[^0-9a-fA-F-]' and length(replace(g.subject_ref, '-', '')) = 32
                    and g.canonical_address !~ '^\s|\s$|[[:cntrl:]]'
                    and g.actor_ref !~ '^\s|\s$|[[:cntrl:]]'
                )) then g.subject_ref::uuid
            else public.fn_iu_event_subject(
                g.place, g.event_type, g.canonical_address, g.subject_ref, g.actor_ref, g.safe_payload
            )
        end, g.actor_ref, g.payload_classification, g.safe_payload
    from given as g cross join looked_at as l
    order by g.place
    returning event_id;
end
$$;
comment on function public.fn_iu_emit_events(jsonb) is
'Emits an array of events, all or none, under the rules of fn_iu_emit_event, and returns their ids in the
order of the array. Each element is an object with event_type, canonical_address, subject_ref, actor_ref and
safe_payload; an error names the position of the element, counted from 1. Raises IU101 to IU104.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_emit_events(jsonb)', 'emit');
