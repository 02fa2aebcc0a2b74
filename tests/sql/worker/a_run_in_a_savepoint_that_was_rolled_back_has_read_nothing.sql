select emit();
do $$
begin
    begin
        perform iu_test.same(iu_test.run() ->> 'seen', '1');
        raise division_by_zero;
    exception when division_by_zero then
        null;
    end;
end
$$;
select same(attempts(), 0);
select same(run() ->> 'seen', '1');
