create function bulk(bad jsonb) returns text
language sql as $$
    select format(
        'select fn_iu_emit_events(jsonb_build_array(%1$L::jsonb, %1$L::jsonb || %2$L::jsonb, %1$L::jsonb))',
        jsonb_build_object(
            'event_type', 'version_applied', 'canonical_address', 'A', 'subject_ref', subject(),
            'actor_ref', 'x', 'safe_payload', '{}'::jsonb
        ), bad
    )
$$;
create function malformed_are_refused() returns void
language sql as $$
    select refused(bulk(jsonb_build_object(f.field, t.value)), 'IU104', 'event 2: %' || f.field || '%')
    from unnest(array['canonical_address', 'actor_ref']) as f (field)
    cross join unnest(array[
        '', ' ', ' a', 'a ', E'\ta', E'a\n', E'a\nb', E'a\u0001b', E'a\u007fb', 'a|' || E'\u0085' || 'b',
        'a |b ', repeat('a', 1001)
    ]) as t (value);
    select refused(bulk(jsonb_build_object('subject_ref', s.value)), 'IU104', 'event 2: %subject_ref%')
    from unnest(array[
        '00000000-0000-4000-8000-00000000000g', '00000000-0000-4000-8000-0000000-0001',
        '00000000-0000-4000-8000-00000000000', '0-000000-0000-4000-8000-000000000001'
    ]) as s (value);
$$;
select malformed_are_refused();
select same((select count(*) from event_outbox), 0);

create function bulk_taken(address text, actor text) returns bigint
language plpgsql as $$
declare
    v_count bigint;
begin
    execute replace(bulk(jsonb_build_object('canonical_address', address, 'actor_ref', actor)),
        'select fn', 'select count(*) from fn') into v_count;
    return v_count;
end
$$;
select same(bulk_taken(t.value, left(t.value, 200)), 3)
from unnest(array['a b', 'a|b', 'a| b', 'a |b', '|', '||', 'tài liệu/1', repeat('é', 1000)]) as t (value);
select same(
    (select count(*) from event_outbox where canonical_address = t.value and actor_ref = left(t.value, 200)),
    1
)
from unnest(array['a b', 'a|b', 'a| b', 'a |b', '|', '||', 'tài liệu/1', repeat('é', 1000)]) as t (value);
select fn_iu_emit_event('version_applied', t.value, subject(), left(t.value, 200), '{}')
from unnest(array['a', 'a b', 'a|b', 'tài liệu/1', repeat('é', 1000)]) as t (value);
select refused(
    format('select fn_iu_emit_event(%L, %L, subject(), %L, %L)', 'version_applied', t.value, 'x', '{}'),
    'IU104', '%canonical_address%'
)
from unnest(
    array['', ' ', ' a', 'a ', E'\ta', E'a\n', E'a\nb', E'a\u0001b', E'a\u007fb', E'\u0085b']
) as t (value);

-- Without any part of the quick check the test above fails.
create function without(part text) returns void
language plpgsql as $$
declare
    v_whole text := pg_get_functiondef('public.fn_iu_emit_events'::regproc);
begin
    perform holds(strpos(v_whole, part) > 0, part || ' is no part of the quick check');
    execute replace(v_whole, part, '');
    discard plans;
    begin
        perform malformed_are_refused();
    exception when others then
        execute v_whole;
        return;
    end;
    raise exception 'no test fails without %', part;
end
$$;
select without(p.part) from unnest(array[
    '\|\s|', '\s\||', '\||[[:cntrl:]]', 'string_agg(g.subject_ref, '''') !~ ''[^0-9a-fA-F-]''
            and ', 'and length(replace(string_agg(g.subject_ref, ''''), ''-'', '''')) = 32 * count(*)'
]) as p (part);
