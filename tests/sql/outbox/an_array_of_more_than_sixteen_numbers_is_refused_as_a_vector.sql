select emit(payload => jsonb_build_object('n', (select jsonb_agg(n) from generate_series(1, 16) as n)));
select emit(payload => jsonb_build_object('n', (select jsonb_agg(n::text) from generate_series(1, 40) as n)));
select refused(
    $$select emit(payload => jsonb_build_object(
        'n', (select jsonb_agg(n) from generate_series(1, 17) as n)
    ))$$,
    'IU103', '%17 numbers%'
);
select refused(
    $$select emit(payload => jsonb_build_object('a', jsonb_build_array(jsonb_build_object(
        'n', (select jsonb_agg(n / 7.0) from generate_series(1, 384) as n)
    ))))$$,
    'IU103', '%384 numbers%'
);
select refused(
    $$select emit(payload => jsonb_build_object(
        'n', (select jsonb_agg(n) || '["x", null]' from generate_series(1, 17) as n)
    ))$$,
    'IU103', '%17 numbers%'
);
