create or replace function public.fn_iu_access_declare(module text, access text, role_name text, verbs text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    insert into public.iu_schema_access as a (module, access, role_name, verbs, declared_in)
    values (module, access, role_name, verbs, pg_current_xact_id())
    on conflict on constraint iu_schema_access_pkey do update
    set verbs = excluded.verbs, declared_by = '', declared_in = excluded.declared_in
    where a.module = excluded.module;
    if not found then
        raise exception 'access % of role % belongs to another module', quote_literal(access), role_name using
            errcode = 'IU901', hint = 'Give the kind of access another name: a module declares its own only.';
    end if;
end
$$;
comment on function public.fn_iu_access_declare(text, text, text, text) is
'Adds to the access matrix the privileges of a role on objects of an access kind, as GRANT names them, in
lower case, separated by a comma and a space. Raises IU901 if another module declared it.';
