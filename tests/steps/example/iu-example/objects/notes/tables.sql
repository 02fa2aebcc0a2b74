select public.fn_iu_object_declare('iu-example', 'table', 'public.iu_example_note', 'record');
