select public.fn_iu_object_declare('iu-core', 'table', 'public.information_unit', 'subject');
select public.fn_iu_object_declare('iu-core', 'table', 'public.unit_version', 'subject');
