create or replace function public.fn_iu_access_declare(module text, access text, role_name text, verbs text)
returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    insert into public.iu_schema_access as a (module, access, role_name, verbs)
    values (module, access, role_name, verbs)
    on conflict on constraint iu_schema_access_pkey do update
    set verbs = excluded.verbs where a.module = excluded.module
$$;
comment on function public.fn_iu_access_declare(text, text, text, text) is
'Enters into the matrix of rights what a role may do with an object of a kind of access: verbs of
GRANT in lower case, parted by a comma and a space.';
