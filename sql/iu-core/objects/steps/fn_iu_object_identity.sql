create or replace function public.fn_iu_object_identity(kind text, object text)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case kind
        when 'function' then to_regprocedure(object)::text
        when 'type' then to_regtype(object)::text
        else to_regclass(object)::text
    end
$$;
comment on function public.fn_iu_object_identity(text, text) is
'The name under which the manifest keeps an object: with its schema, a function with the types of its
parameters, however they were written. Null where there is no such object.';
