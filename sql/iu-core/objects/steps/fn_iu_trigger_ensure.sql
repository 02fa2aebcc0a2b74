create or replace function public.fn_iu_trigger_ensure(module text, definition text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_name constant text := substring(definition from '^create trigger (\w+) ');
    v_table constant regclass := substring(definition from ' on ([\w.]+) ');
begin
    if public.fn_iu_object_identity('trigger', lower(definition)) is null then
        execute regexp_replace(definition, '^create trigger', 'create or replace trigger');
        execute format('alter table %s enable trigger %I', v_table, v_name);
    end if;
    insert into public.iu_schema_object as o (object, kind, module, access, made_by, declared_in)
    values (lower(definition), 'trigger', module, 'internal', '', pg_current_xact_id())
    on conflict on constraint iu_schema_object_pkey do update
    set declared_by = '', declared_in = excluded.declared_in where o.module = excluded.module;
    if not found then
        raise exception 'trigger % on % belongs to another module', v_name, v_table using
            errcode = 'IU901', hint = 'Give the trigger another name: a module changes its own objects only.';
    end if;
end
$$;
comment on function public.fn_iu_trigger_ensure(text, text) is
'Creates a trigger of a module, given in the lower-case form of pg_get_triggerdef, if it is missing, disabled
or different, and adds it to the manifest. Does not lock the table if the trigger exists: create or replace
would wait for every transaction that has written to it.';
