select same(fn_iu_probe_trace('iu_probe_010'), 'nothing');
create table public.iu_test_note (note_no int, note text, said_by text);
create table public.iu_test_number (number_no int);
insert into iu_test_note
select n, case n when 1 then 'iu_probe_010/a' when 2 then 'TEST/iu_probe_010' else 'iu_probe_01' end,
    case n when 3 then 'probe 010' end
from generate_series(1, 4) as n;
select same(fn_iu_probe_trace('iu_probe_010'), 'nothing');
select fn_iu_object_declare('iu-core', 'table', 'public.iu_test_note', 'state');
select fn_iu_object_declare('iu-core', 'table', 'public.iu_test_number', 'state');
update iu_schema_object set module = 'iu-other' where object like 'public.iu_test_%';
select same(fn_iu_probe_trace('iu_probe_010'), '3 in iu_test_note');
select same(fn_iu_probe_trace('iu_probe_020'), 'nothing');
