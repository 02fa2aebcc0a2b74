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
'The name under which the manifest keeps an object: with its schema, a function with the types of its
parameters, however they were written, a trigger with its whole definition. Null where there is no
such object; a trigger that is disabled, or differs in a word, is none.';
