select emit_many(100);
select run();
select make_live();
create procedure single_runs(number int) language plpgsql as $$
begin
    for n in 1..number loop
        perform emit();
        perform run(batch_limit => 1);
    end loop;
end
$$;
call single_runs(19);
select emit();
select refused('select run()', 'IU302', '20 of 20 events of the batch and the 19 before it %');
-- A batch of 20 or more is judged alone: most of its events succeed, and the worker continues.
select emit_many(20, 'structure_piece_split');
select same(run() ->> 'dead_lettered', '1');
select emit();
select same(run() ->> 'dead_lettered', '1', 'the run of small batches begins anew');
