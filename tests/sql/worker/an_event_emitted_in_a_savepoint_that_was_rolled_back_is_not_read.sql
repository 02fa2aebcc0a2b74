do $$
begin
    begin
        perform iu_test.emit();
        raise division_by_zero;
    exception when division_by_zero then
        null;
    end;
    perform iu_test.emit(subject => 2);
end
$$;
select same(run() ->> 'seen', '1');
select same(run() ->> 'seen', '0');
