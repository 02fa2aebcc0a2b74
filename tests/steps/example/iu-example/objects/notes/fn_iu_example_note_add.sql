create or replace function public.fn_iu_example_note_add(note text)
returns bigint
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    insert into public.iu_example_note (note) values (note) returning note_id
$$;
comment on function public.fn_iu_example_note_add(text) is 'Adds a note and returns its number.';
select public.fn_iu_object_declare(
    'iu-example', 'function', 'public.fn_iu_example_note_add(text)', 'operate'
);
