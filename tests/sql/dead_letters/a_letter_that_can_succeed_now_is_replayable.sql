-- The route became dry-run after the failed attempt.
select keep('changed', letter()::text);
select holds((select next_replay_at > clock_timestamp() from iu_route_dead_letter), 'the letter is not due');
select same((select dead_letter_id::text from fn_iu_dead_letters_replayable(10)), kept('changed'));
-- A due letter whose route did not change. The earliest due letter comes first.
insert into iu_route_dead_letter (event_id, route_code, idempotency_key, next_replay_at)
values (emit(), 'iu.version_applied.workflow', 'test:due', now() - interval '1 hour');
select same(
    (
        select string_agg((dead_letter_id::text = kept('changed'))::text, ' ')
        from fn_iu_dead_letters_replayable(10)
    ), 'false true'
);
select same((select idempotency_key from fn_iu_dead_letters_replayable(1)), 'test:due');
select same((select count(*) from fn_iu_dead_letters_replayable(0)), 0);
select same((select count(*) from fn_iu_dead_letters_replayable(-1)), 0);
select fn_iu_route_dead_letter_replay(kept('changed')::uuid);
select same((select string_agg(idempotency_key, ' ') from fn_iu_dead_letters_replayable(10)), 'test:due');
