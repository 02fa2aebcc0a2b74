create function public.failing(event_id uuid) returns void language plpgsql as $$
begin
    raise exception 'no';
end
$$;
create or replace function public.fn_iu_route_deliver(event_id uuid, route_code text) returns void
language sql as 'select public.failing(event_id)';
-- Makes runs of one event each, of which one in one_in fails. Returns the number of dead letters.
create function single_runs(number int, one_in int) returns bigint language plpgsql as $$
begin
    for n in 1..number loop
        perform emit(case when n % one_in = 0 then 'version_applied' else 'structure_piece_split' end);
        perform run(batch_limit => 1);
    end loop;
    return (select count(*) from iu_route_dead_letter);
end
$$;
select make_live();
select same(single_runs(60, 3), 20, 'one in three is set aside and never refused');
select same(single_runs(60, 2), 50, 'one in two is half, and not more');
-- The newest 20 hold ten failures: the next one is more than half.
select refused(
    'select single_runs(1, 1)', 'IU302', '11 of 20 events of the batch and the 19 before it %', '%replay%'
);
select emit();
select refused('select run()', 'IU302');
select same((select count(*) from iu_route_dead_letter), 50, 'nothing was set aside');
select same(
    (select count(*) from iu_route_batch where worker_name = 'tester'), 120,
    'the refused batch is not recorded'
);
-- After the repair, replayed letters no longer count, and the waiting event is attempted.
create or replace function public.failing(event_id uuid) returns void language sql as '';
select fn_iu_route_dead_letter_replay(dead_letter_id) from iu_route_dead_letter;
select same(
    run() - 'batch_id' - 'cursor_event_id' - 'cursor_created_at',
    '{"status": "ran", "seen": 1, "attempts_written": 1, "skipped": 0, "dead_lettered": 0}'
);
-- One failure right afterwards is set aside.
create or replace function public.failing(event_id uuid) returns void language plpgsql as $$
begin
    raise exception 'no';
end
$$;
select emit();
select same(run() ->> 'dead_lettered', '1');
