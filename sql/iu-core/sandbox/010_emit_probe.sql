\set ON_ERROR_STOP on
-- Probe 010: emit. Which events may be emitted, by which roles, and what is refused.
-- One transaction, always rolled back.
-- Run by hand, as the owner of the objects: psql -f 010_emit_probe.sql
-- The roles are tried where they exist and this session may set them. Truncate is not tried, because it would
-- block emitters for a moment: verify/070 proves from the catalog that it is refused.
do $$ begin perform public.fn_iu_probe_open('iu_probe_010'); end $$;

begin;
set local transaction_isolation = 'repeatable read';
set local lock_timeout = '500ms';
set local statement_timeout = '60s';
-- E5 joins functions whose number of rows the planner overestimates; it would be compiled (decision 045).
set local jit = off;

do $probe$
declare
    v_base jsonb := public.fn_iu_probe_counts();
    v_subject constant uuid := '010aaaaa-0000-4000-8000-000000000010';
    v_emit constant text := 'select public.fn_iu_emit_event(%L, ''TEST/iu_probe_010'', %L, '
        '''iu_probe_010'', %L)';
    v_id uuid;
    v_event public.event_outbox;
    v_bulk uuid [];
    v_owner constant text := (
        select c.relowner::regrole::text from pg_catalog.pg_class as c
        where c.oid = 'public.event_outbox'::regclass
    );
    v_line text;
begin
    v_id := public.fn_iu_emit_event(
        'version_applied', 'TEST/iu_probe_010', v_subject, 'iu_probe_010',
        '{"version_seq": 2, "child_refs": ["a", "b"]}'
    );
    select o.* into v_event from public.event_outbox as o where o.event_id = v_id;
    perform public.fn_iu_proof_note(
        'E1 an emitted event',
        'version 7 id, iu, stream update, lane immediate, safe_metadata, information_unit',
        format(
            'version %s id, %s, stream %s, lane %s, %s, %s', substr(v_event.event_id::text, 15, 1),
            v_event.event_domain, v_event.event_stream, v_event.delivery_lane,
            v_event.payload_classification, v_event.event_subject_table
        )
    );

    v_bulk := array(select public.fn_iu_emit_events((
        select jsonb_agg(jsonb_build_object(
            'event_type', 'version_applied', 'canonical_address', 'TEST/iu_probe_010/' || n,
            'subject_ref', v_subject, 'actor_ref', 'iu_probe_010',
            'safe_payload', jsonb_build_object('version_seq', n)
        )) from generate_series(1, 5) as n
    )));
    perform public.fn_iu_proof_note('E2 five events at once', '5 ids, numbered in the order of the array', (
        select format('%s ids, %s', count(*), case
            when bool_and(o.safe_payload ->> 'version_seq' = b.place::text) and bool_and(o.place = b.place)
            then 'numbered in the order of the array' else 'out of order' end)
        from unnest(v_bulk) with ordinality as b (event_id, place)
        inner join (
            select e.event_id, e.safe_payload, row_number() over (order by e.event_seq) as place
            from public.event_outbox as e where e.event_id = any (v_bulk)
        ) as o on o.event_id = b.event_id
    ));

    insert into public.event_type_registry (event_type, event_stream, delivery_lane, payload_keys, enabled)
    values
    ('iu_probe_010.few_keys', 'update', 'immediate', '{allowed}', true),
    ('iu_probe_010.disabled', 'update', 'immediate', null, false);
    select string_agg(
        t.label || ' ' || public.fn_iu_probe_try(format(v_emit, t.event_type, v_subject, t.payload)),
        ', ' order by t.place
    )
    into v_line
    from (values
        (1, 'unknown', 'iu_probe_010.unknown', '{}'), (2, 'disabled', 'iu_probe_010.disabled', '{}'),
        (3, 'allowed key', 'iu_probe_010.few_keys', '{"allowed": 1}'),
        (4, 'other key', 'iu_probe_010.few_keys', '{"allowed": 1, "other": 1}')
    ) as t (place, label, event_type, payload);
    perform public.fn_iu_proof_note(
        'E3 the registry decides', 'unknown IU101, disabled IU101, allowed key done, other key IU102', v_line
    );

    select string_agg(
        t.label || ' ' || public.fn_iu_probe_try(format(v_emit, 'version_applied', v_subject, t.payload)),
        ', ' order by t.place
    )
    into v_line
    from (values
        (1, 'array', '[1]'), (2, 'text', '"a"'), (3, 'null', 'null'),
        (4, '9000 bytes', jsonb_build_object('note', repeat('x', 9000))::text),
        (5, '17 numbers', jsonb_build_object(
            'deep', jsonb_build_array(to_jsonb(array(select generate_series(1, 17))))
        )::text),
        (6, '16 numbers', jsonb_build_object('counts', array(select generate_series(1, 16)))::text),
        (7, 'private key', '{"note": "-----BEGIN PRIVATE KEY-----"}'), (8, 'reference', '{"body_id": 1}')
    ) as t (place, label, payload);
    perform public.fn_iu_proof_note(
        'E4 a payload is a small object without a vector',
        'array IU102, text IU102, null IU102, 9000 bytes IU102, 17 numbers IU103, 16 numbers done, '
        'private key IU103, reference done', v_line
    );

    -- A key for each alternative of each pattern: (api|private)[_.:-]*key becomes api_key and private_key.
    select coalesce(string_agg(distinct format('%s in %s', w.word, f.label), ', '), 'none') into v_line
    from (
        select concat(
            g.start, regexp_replace(regexp_replace(a.pattern, '^\([^)]*\)', ''), '\[[^]]*\]\*', '_')
        ) as word
        from public.fn_iu_payload_words() as k
        cross join lateral regexp_split_to_table(
            regexp_replace(k.key_pattern, '\(\?[^)]*\)', '', 'g'), '\|(?![^(]*\))'
        ) as a (pattern)
        left join lateral string_to_table(substring(a.pattern from '^\(([^)]*)\)'), '|') as g (start) on true
    ) as w
    cross join (values
        ('the top', '{"%s": 1}'), ('the depth', '{"a": [{"b": {"%s": 1}}]}'),
        ('a longer key', '{"the_%s_of_it": 1}')
    ) as f (label, payload)
    cross join lateral unnest(array[w.word, upper(w.word), initcap(w.word)]) as c (spelling)
    where public.fn_iu_probe_try(
        format(v_emit, 'version_applied', v_subject, format(f.payload, c.spelling))
    ) <> 'IU103';
    perform public.fn_iu_proof_note(
        'E5 keys of bodies, secrets and vectors that pass (every word, 3 places, 3 spellings)', 'none', v_line
    );

    select string_agg(t.label || ' ' || public.fn_iu_probe_try(format(
        'select public.fn_iu_emit_event(%L, %L, %L, %L, %L)', t.event_type, t.address, t.subject, t.actor,
        t.payload
    )), ', ' order by t.place) into v_line
    from (values
        (1, 'type', '', 'a', v_subject, 'a', '{}'),
        (2, 'address', 'version_applied', null, v_subject, 'a', '{}'),
        (3, 'subject', 'version_applied', 'a', null, 'a', '{}'),
        (4, 'actor', 'version_applied', 'a', v_subject, ' ', '{}'),
        (5, 'payload', 'version_applied', 'a', v_subject, 'a', null)
    ) as t (place, label, event_type, address, subject, actor, payload);
    perform public.fn_iu_proof_note(
        'E6 arguments that are missing',
        'type IU104, address IU104, subject IU104, actor IU104, payload IU104', v_line
    );

    v_line := public.fn_iu_probe_try(format(
        'select public.fn_iu_emit_events(%L)', jsonb_build_array(
            jsonb_build_object(
                'event_type', 'version_applied', 'canonical_address', 'TEST/iu_probe_010',
                'subject_ref', v_subject, 'actor_ref', 'iu_probe_010', 'safe_payload', '{}'::jsonb
            ),
            jsonb_build_object(
                'event_type', 'version_applied', 'canonical_address', 'TEST/iu_probe_010',
                'subject_ref', v_subject, 'actor_ref', 'iu_probe_010', 'safe_payload', '{"body": 1}'::jsonb
            )
        )
    ));
    perform public.fn_iu_proof_note(
        'E7 one bad event among many, and all that was emitted so far', 'IU103, event_outbox +9',
        format('%s, event_outbox +%s', v_line, public.fn_iu_probe_delta(v_base, 'event_outbox'))
    );

    perform public.fn_iu_proof_note(
        'E8 the owner changes the outbox', 'update IU203, delete IU203',
        format(
            'update %s, delete %s',
            public.fn_iu_probe_try('update public.event_outbox set actor_ref = ''x'' where false'),
            public.fn_iu_probe_try('delete from public.event_outbox where false')
        )
    );

    perform public.fn_iu_proof_note(
        'R ' || r.role || ' ' || r.rule, case when r.is_here then r.expected else 'not tried' end,
        case when r.is_here then (
            select string_agg(
                t.label || ' ' || public.fn_iu_probe_try(t.statement, r.role), ', ' order by t.place
            )
            from (values
                ('emit', 1, 'emit', format(v_emit, 'version_applied', v_subject, '{}')),
                ('emit', 2, 'emit many', 'select public.fn_iu_emit_events(''[]'')'),
                ('write', 1, 'outbox', 'insert into public.event_outbox (event_id, event_domain, event_type) '
                    'values (gen_random_uuid(), ''iu'', ''version_applied'')'),
                (
                    'write', 2, 'attempts',
                    'insert into public.iu_route_attempt_log (event_id, worker_no, decision) '
                    'values (''010aaaaa-0000-4000-8000-000000000010'', 1, ''skipped'')'
                ),
                ('write', 3, 'batches', 'delete from public.iu_route_batch where false'),
                (
                    'write', 4, 'cursors',
                    'update public.iu_route_worker_cursor set position_seq = 0 where false'
                ),
                ('write', 5, 'letters', 'update public.iu_route_dead_letter set attempts = 1 where false'),
                ('write', 6, 'gates', 'update public.dot_config set value = ''true'' where false'),
                ('write', 7, 'steps', 'delete from public.iu_schema_step where false'),
                (
                    'rule', 1, 'seek',
                    'select public.fn_iu_route_worker_seek(''iu_probe_010'', ''latest'', ''probe 010'')'
                ),
                ('rule', 2, 'run', 'select public.fn_iu_route_worker_run(''iu_probe_010'', 10)'),
                ('rule', 3, 'gate', format(
                    'select public.fn_iu_gate_set(%L, %L, %L)', public.fn_iu_gate_key('delivery'), 'false',
                    'probe 010'
                )),
                (
                    'rule', 4, 'replay',
                    'select public.fn_iu_route_dead_letter_replay(''010aaaaa-0000-4000-8000-000000000010'')'
                ),
                ('read', 1, 'outbox', 'select from public.event_outbox limit 1'),
                ('read', 2, 'attempts', 'select from public.iu_route_attempt limit 1'),
                ('read', 3, 'health', 'select public.fn_iu_route_worker_health()')
            ) as t (rule, place, label, statement)
            where t.rule = r.rule
        ) else 'not tried' end
    )
    from (
        select rules.*,
            v_owner = 'iu_owner' and public.fn_iu_probe_try('select 1', rules.role) = 'done' as is_here
        from (values
            ('iu_emitter', 'emit', 'emit done, emit many done'),
            ('iu_emitter', 'read', 'outbox 42501, attempts 42501, health 42501'),
            ('iu_emitter', 'rule', 'seek 42501, run 42501, gate 42501, replay 42501'),
            (
                'iu_emitter', 'write',
                'outbox 42501, attempts 42501, batches 42501, cursors 42501, letters 42501, '
                'gates 42501, steps 42501'
            ),
            ('workflow_admin', 'emit', 'emit done, emit many done'),
            ('workflow_admin', 'read', 'outbox done, attempts done, health done'),
            ('workflow_admin', 'rule', 'seek done, run done, gate done, replay IU401'),
            (
                'workflow_admin', 'write',
                'outbox 42501, attempts 42501, batches 42501, cursors 42501, letters 42501, '
                'gates 42501, steps 42501'
            ),
            ('iu_auditor', 'emit', 'emit 42501, emit many 42501'),
            ('iu_auditor', 'read', 'outbox done, attempts done, health done'),
            ('iu_auditor', 'rule', 'seek 42501, run 42501, gate 42501, replay 42501'),
            (
                'iu_auditor', 'write',
                'outbox 42501, attempts 42501, batches 42501, cursors 42501, letters 42501, '
                'gates 42501, steps 42501'
            )
        ) as rules (role, rule, expected)
    ) as r;
    perform public.fn_iu_proof_end('010_emit_probe');
end
$probe$;

rollback;

do $post$
begin
    perform public.fn_iu_probe_close('iu_probe_010');
    perform public.fn_iu_proof_end('010_emit_probe');
end
$post$;
