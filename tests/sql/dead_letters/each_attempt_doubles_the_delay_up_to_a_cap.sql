select fn_iu_gate_set('iu_core.replay_backoff_seconds', '10', 'test');
select fn_iu_gate_set('iu_core.replay_backoff_cap_seconds', '65', 'test');
select same(
    (
        select string_agg(extract(epoch from fn_iu_replay_delay(n))::int::text, ' ' order by n)
        from generate_series(1, 6) as n
    ), '10 20 40 65 65 65'
);
select same(extract(epoch from fn_iu_replay_delay(2000000000))::int, 65);
select keep('letter', letter()::text);
select same((select round(extract(epoch from next_replay_at - created_at)) from iu_route_dead_letter), 10);
select make_live();
select fn_iu_route_dead_letter_replay(kept('letter')::uuid);
select same(
    (select round(extract(epoch from next_replay_at - clock_timestamp())) from iu_route_dead_letter), 20
);
select fn_iu_route_dead_letter_replay(kept('letter')::uuid);
select same(
    (select round(extract(epoch from next_replay_at - clock_timestamp())) from iu_route_dead_letter), 40
);
