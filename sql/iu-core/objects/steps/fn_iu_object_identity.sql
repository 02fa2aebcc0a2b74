create or replace function public.fn_iu_object_identity(kind text, object text)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case kind
        when 'function' then to_regprocedure(object)::text
        when 'type' then to_regtype(object)::text
        when 'trigger' then (
            select object from pg_catalog.pg_trigger as t
            where t.tgname = substring(object from '^create trigger (\w+) ')
                and t.tgenabled in ('O', 'A') and lower(pg_get_triggerdef(t.oid)) = object
        )
        else to_regclass(object)::text
    end
$$;
comment on function public.fn_iu_object_identity(text, text) is
'The name of an object in the manifest: schema-qualified; for a function with the types of its parameters in
canonical form, for a trigger its complete definition. Null if the object does not exist, or if a trigger is
disabled or differs.';
