do $$
declare
    v_depth int;
begin
    foreach v_depth in array array[10, 500, 1300, 3000] loop
        begin
            perform iu_test.emit(payload => (repeat('{"a":', v_depth) || '1' || repeat('}', v_depth))::jsonb);
        exception when sqlstate 'IU102' then
            null;
        end;
        begin
            perform iu_test.emit(payload => ('{"a":' || repeat('[', v_depth) || repeat(']', v_depth) || '}')::jsonb);
        exception when sqlstate 'IU102' then
            null;
        end;
    end loop;
end
$$;
select refused($$select emit(payload => (repeat('{"a":', 100) || '{"body": 1}' || repeat('}', 100))::jsonb)$$, 'IU103');
