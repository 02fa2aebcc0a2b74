create function pg_temp.poison() returns trigger language plpgsql as $$
begin
    if new.decision <> 'failed' and new.event_id = current_setting('iu_test.bad')::uuid then
        raise exception 'the audit refuses this event';
    end if;
    return new;
end
$$;
create trigger poison before insert on iu_route_attempt_log for each row execute function pg_temp.poison();
select emit_many(50);
select keep('bad', emit()::text);
select emit_many(49);
select same(
    run(batch_limit => 99) - 'batch_id' - 'cursor_event_id' - 'cursor_created_at',
    '{"status": "ran", "seen": 99, "attempts_written": 99, "skipped": 0, "dead_lettered": 1}'
);
select same(
    (select error_detail from iu_route_attempt where event_id = kept('bad')::uuid),
    'P0001 the audit refuses this event'
);
select same((select failure_detail from iu_route_dead_letter), 'P0001 the audit refuses this event');
select same(run(batch_limit => 99) ->> 'seen', '1');
select same(run() ->> 'seen', '0');
select same(
    (
        select array_agg(o.event_seq order by a.attempt_id) = array_agg(o.event_seq order by o.event_seq)
        from iu_route_attempt as a inner join event_outbox as o using (event_id)
    ), true, 'the halves are written in order'
);
