select refused(format($q$select emit(payload => %L::jsonb)$q$, payload), 'IU103', '%refs-only%')
from unnest(array[
    U&'{"b\043Edy": 1}', U&'{"\FF42\FF4F\FF44\FF59": 1}', U&'{"bo\200Bdy": 1}', U&'{"pa\017F\017Fword": 1}',
    U&'{"to\212Aen": 1}', '{"b o d y": 1}', '{"": 1}', '{"bo\"dy": 1}', '{"body\"": 1}', '{"body\"x": 1}',
    '{"\"body\"x": 1}', '{"a": {"secret\"s": 1}}', '{"a\\": 1}', '{"tab\there": 1}', '{"new\nline": 1}'
]) as payload;
