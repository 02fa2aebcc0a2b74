select emit(payload => (repeat('{"a":', 32) || '1' || repeat('}', 32))::jsonb);
select refused($$select emit(payload => (repeat('{"a":', 33) || '1' || repeat('}', 33))::jsonb)$$, 'IU102');
select emit(payload => ('{"a":' || repeat('[', 31) || '1' || repeat(']', 31) || '}')::jsonb);
select refused(
    $$select emit(payload => ('{"a":' || repeat('[', 3000) || repeat(']', 3000) || '}')::jsonb)$$, 'IU102'
);
