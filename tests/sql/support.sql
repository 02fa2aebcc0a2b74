-- Functions that the behaviour files call. Installed in a schema of the tests, never in a product.
create schema iu_test;

create function iu_test.same(seen anycompatible, expected anycompatible, what text default null) returns void
language plpgsql as $$
begin
    if seen is distinct from expected then
        raise exception '%expected %, seen %', coalesce(what || ': ', ''), coalesce(expected::text, 'null'),
            coalesce(seen::text, 'null');
    end if;
end
$$;

create function iu_test.holds(claim boolean, what text) returns void
language plpgsql as $$
begin
    if claim is not true then
        raise exception 'does not hold: %', what;
    end if;
end
$$;

create function iu_test.refused(
    statement text, code text, says text default '%', hints text default '%'
) returns void
language plpgsql as $$
declare
    v_state text;
    v_message text;
    v_hint text;
begin
    begin
        execute statement;
    exception when others then
        get stacked diagnostics
            v_state = returned_sqlstate, v_message = message_text, v_hint = pg_exception_hint;
    end;
    if v_state is null then
        raise exception 'nothing refused %', left(statement, 300);
    elsif v_state <> code or v_message not like says or v_hint not like hints then
        raise exception '%: expected % like % (hint like %), seen % % (%)',
            left(statement, 300), code, says, hints, v_state, v_message, v_hint;
    elsif code like 'IU%' and coalesce(v_hint, '') = '' then
        raise exception '% came without a hint', code;
    end if;
end
$$;

create function iu_test.keep(name text, value text) returns void
language sql as $$ select set_config('iu_test.' || name, value, true) $$;

create function iu_test.kept(name text) returns text
language sql as $$ select current_setting('iu_test.' || name) $$;

create function iu_test.subject(number int default 1) returns uuid
language sql as $$ select ('00000000-0000-4000-8000-' || lpad(number::text, 12, '0'))::uuid $$;

create function iu_test.emit(
    event_type text default 'version_applied', payload jsonb default '{}', subject int default 1
) returns uuid
language sql as $$
    select public.fn_iu_emit_event(event_type, 'TEST/unit', iu_test.subject(subject), 'tester', payload)
$$;

create function iu_test.emit_many(number int, event_type text default 'version_applied') returns bigint
language sql as $$
    select count(*) from public.fn_iu_emit_events((
        select jsonb_agg(jsonb_build_object(
            'event_type', event_type, 'canonical_address', 'TEST/unit', 'subject_ref', iu_test.subject(n),
            'actor_ref', 'tester', 'safe_payload', '{}'::jsonb
        ) order by n)
        from generate_series(1, number) as n
    ))
$$;

create function iu_test.run(worker_name text default 'tester', batch_limit int default 1000) returns jsonb
language sql as $$ select public.fn_iu_route_worker_run(worker_name, batch_limit) $$;

-- Runs the worker until a run reads nothing. Returns how many events each run read, such as 3,3,1,0.
create function iu_test.drain(worker_name text default 'tester', batch_limit int default 1000) returns text
language plpgsql as $$
declare
    v_seen int [] := '{}';
begin
    loop
        v_seen := v_seen || (public.fn_iu_route_worker_run(worker_name, batch_limit) ->> 'seen')::int;
        exit when v_seen[cardinality(v_seen)] = 0 or cardinality(v_seen) > 100;
    end loop;
    return array_to_string(v_seen, ',');
end
$$;

create function iu_test.attempts(worker_name text default 'tester') returns bigint
language sql as $$
    select count(*) from public.iu_route_attempt as a where a.worker_name = attempts.worker_name
$$;

create function iu_test.make_live(route_code text default 'iu.version_applied.workflow') returns void
language sql as $$
    alter table public.iu_outbound_route drop constraint if exists dry_run_is_enforced;
    update public.iu_outbound_route as r set dry_run = false where r.route_code = make_live.route_code;
$$;

-- Makes a dead letter by a run with a live route. The route is dry-run again afterwards.
create function iu_test.letter(
    event_type text default 'version_applied', worker_name text default 'tester'
) returns uuid
language plpgsql as $$
declare
    v_route text := 'iu.' || event_type || '.workflow';
    v_event uuid := iu_test.emit(event_type);
begin
    perform iu_test.make_live(v_route);
    perform public.fn_iu_route_worker_run(letter.worker_name, 100);
    update public.iu_outbound_route as r set dry_run = true where r.route_code = v_route;
    return (select l.dead_letter_id from public.iu_route_dead_letter as l where l.event_id = v_event);
end
$$;

-- Inserts events as if emitted days ago, by a transaction that ended long ago. Returns the id of the first.
create function iu_test.emit_old(
    number int default 1, days int default 100, domain text default 'iu'
) returns uuid
language sql as $$
    with made as (
        insert into public.event_outbox (
            emitted_xid, created_at, event_domain, event_type, event_stream, delivery_lane, canonical_address,
            event_subject_table, event_subject_ref, actor_ref
        )
        select '3', clock_timestamp() - make_interval(days => days), domain, 'version_applied', 'update',
            'immediate', 'TEST/unit', 'information_unit', iu_test.subject(n), 'tester'
        from generate_series(1, number) as n
        returning event_seq, event_id
    )
    select event_id from made order by event_seq limit 1
$$;

create function iu_test.keep_days(days int) returns void
language sql as $$ select public.fn_iu_gate_set('iu_core.retention_days', days::text, 'a test') $$;

create function iu_test.retain(event_limit int default 5000) returns jsonb
language sql as $$ select public.fn_iu_retention_run('a test', event_limit) $$;

-- A key for each alternative of each forbidden word. List a word here if its pattern is not the word itself.
create function iu_test.forbidden_keys() returns table (word text, key text)
language sql as $$
    select w.word, s.key
    from public.fn_iu_payload_words() as w
    cross join lateral unnest(case w.word
        when 'pass' then array[
            'pass', 'passw', 'password', 'passwd', 'passwort', 'passphrase', 'passcode', 'passkey'
        ]
        when 'key' then array[
            'apikey', 'api_key', 'api__key', 'private.key', 'access-key', 'secret:key', 'sshkey',
            'signing_key', 'hmac_key'
        ]
        else array[w.word]
    end) as s (key)
$$;

-- Where a forbidden key is accepted: each word, by each function that emits, alone and in a longer key, at
-- the top level and nested.
create function iu_test.leaks(word text default null) returns table (door text, place text, key text)
language sql as $$
    select d.door, p.place, s.key
    from iu_test.forbidden_keys() as k
    cross join lateral (
        values (k.key), (upper(k.key)), (initcap(k.key)), ('the_' || k.key || '_of_it')
    ) as s (key)
    cross join (values
        ('the top', '{"n": 1, "%s": 1}'), ('an object', '{"a": {"%s": 1}}'),
        ('the depth', '{"a": [[{"b": {"%s": 1}}]]}')
    ) as p (place, payload)
    cross join (values
        ('an emit', 'select public.fn_iu_emit_event(%4$L, %4$L, %2$L, %4$L, %1$L)'),
        (
            'a bulk emit, all at once',
            'select public.fn_iu_emit_events(jsonb_build_array(%3$L::jsonb, %5$L::jsonb))'
        ),
        (
            'a bulk emit, one by one',
            'select public.fn_iu_emit_events(jsonb_build_array(%3$L::jsonb, %6$L::jsonb))'
        ),
        ('the complete check', 'select public.fn_iu_payload_check(%1$L)')
    ) as d (door, call)
    cross join lateral (select format(p.payload, s.key)::jsonb as payload) as f
    cross join lateral (
        select jsonb_build_object(
            'event_type', 'version_applied', 'canonical_address', 'TEST', 'subject_ref', iu_test.subject(),
            'actor_ref', 'tester'
        ) as event
    ) as e
    where (leaks.word is null or k.word = leaks.word) and public.fn_iu_probe_try(format(
        d.call, f.payload, iu_test.subject(), e.event || jsonb_build_object('safe_payload', f.payload),
        'version_applied', e.event || '{"safe_payload": {"plain": 1}}',
        e.event || '{"safe_payload": {"not": {"flat": 1}}}'
    )) <> 'IU103'
$$;

-- A table of a user, and a type that its captures emit.
create function iu_test.shop(key_type text default 'bigint') returns void
language plpgsql as $$
begin
    create schema if not exists shop;
    execute format(
        'create table shop.orders ('
        'id %s primary key, status text, total numeric, customer bigint, note text)', key_type
    );
    insert into public.event_type_registry (event_type, event_stream, delivery_lane, payload_keys)
    values ('order_changed', 'update', 'immediate', array['status', 'total', 'note']);
end
$$;

create function iu_test.capture(
    op text, condition jsonb default '{}', source_table text default 'shop.orders',
    on_error text default 'refuse', dry_run boolean default false, subject text[] default '{id}',
    address text default 'orders/{id}', payload jsonb default '{"status": "status"}', code text default null
) returns void
language plpgsql as $$
declare
    v_code constant text := coalesce(code, 'shop.' || op);
    v_statement text;
begin
    insert into public.iu_inbound_route (
        route_code, source_table, source_op, target_event_type, enabled, dry_run, condition, subject_columns,
        address_template, payload_map, on_error
    )
    values (
        v_code, source_table, op, 'order_changed', true, dry_run, condition, subject, address, payload,
        on_error
    );
    for v_statement in
        select unnest(l.attach_statements) from public.fn_iu_capture_list() as l where l.route_code = v_code
    loop
        execute v_statement;
    end loop;
end
$$;

create function iu_test.captured() returns text
language sql as $$
    select string_agg(
        coalesce(o.canonical_address, c.source_key) || ':'
        || coalesce(o.safe_payload ->> 'status', c.decision),
        ' ' order by c.source_key, o.safe_payload ->> 'status', o.canonical_address
    )
    from public.iu_inbound_capture as c left join public.event_outbox as o using (event_id)
$$;
