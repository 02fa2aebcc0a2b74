select make_live();
create procedure five_runs() language plpgsql as $$
begin
    for n in 1..5 loop
        perform emit();
        perform refused('select run()', '42883', '%fn_iu_route_deliver%');
    end loop;
end
$$;
alter function public.fn_iu_route_deliver(uuid, text) rename to fn_iu_route_deliver_elsewhere;
call five_runs();
select same((select count(*) from iu_route_dead_letter), 0);
select same(attempts(), 0);
alter function public.fn_iu_route_deliver_elsewhere(uuid, text) rename to fn_iu_route_deliver;
select same(run() ->> 'dead_lettered', '5', 'all five wait for the next run');
