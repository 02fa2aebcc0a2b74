select make_live();
create procedure single_runs(name text, number int) language plpgsql as $$
begin
    for n in 1..number loop
        perform emit();
        perform run(name, 1);
    end loop;
end
$$;
call single_runs('other', 19);
select same(run('tester', 5) ->> 'dead_lettered', '5');
