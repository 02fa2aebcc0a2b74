insert into iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref)
values ('iu.second', 'version_applied', true, 'webhook', 'q');
select emit_many(30), emit('sql_link_created');
select fn_iu_route_worker_run('tester', 20, 'run-1'), fn_iu_route_worker_run('tester', 20, 'run-2');
select run('other:worker', 7);
select fn_iu_route_dead_letter_replay(letter('structure_piece_split'), 'run-1');
create temp table seen on commit drop as select a::text as attempt, a.* from iu_route_attempt as a;
select same((select count(*) from seen), 77);
select same(
    (select string_agg(n::text, '|') from fn_iu_attempts_newest(1000) as n),
    (select string_agg(attempt, '|' order by attempt_id desc) from seen)
);
select same(
    (select string_agg(n::text, '|') from fn_iu_attempts_newest() as n),
    (select string_agg(attempt, '|') from (select attempt from seen order by attempt_id desc limit 20) as s)
);
-- For each function: its arguments, the order of its result, and which attempts it returns.
do $$
declare
    v_asked record;
    v_wrong bigint;
begin
    for v_asked in
        select * from (values
            ('by_id', 'attempt_id', 'attempt_id', 'true'),
            ('by_event', 'event_id', 'attempt_id', 'true'),
            ('by_key', 'idempotency_key', 'attempt_no', 'true'),
            ('by_batch', 'batch_id', 'attempt_id desc', 'batch_id is not null'),
            ('by_run', 'run_ref', 'attempt_id desc', 'run_ref is not null'),
            ('by_worker', 'worker_name, 1000', 'attempt_id desc', 'true')
        ) as a (question, arguments, sorting, about)
    loop
        execute format(
            'select count(*) from (
                select %2$s, string_agg(attempt, ''|'' order by %3$s) as attempts from seen
                where %4$s group by %5$s
            ) as s
            where attempts is distinct from (
                select string_agg(n::text, ''|'') from fn_iu_attempts_%1$s(%2$s) as n
            )',
            v_asked.question, v_asked.arguments, v_asked.sorting, v_asked.about,
            split_part(v_asked.arguments, ',', 1)
        ) into v_wrong;
        perform same(v_wrong, 0, v_asked.question);
    end loop;
end
$$;
select same(count(*), 1, 'a replay is of its run') from seen where run_ref = 'run-1' and attempt_no = 2;
