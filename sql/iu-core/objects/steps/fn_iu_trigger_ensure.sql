create or replace function public.fn_iu_trigger_ensure(definition text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_name constant text := substring(definition from '^create trigger (\w+) ');
    v_table constant regclass := substring(definition from ' on ([\w.]+) ');
begin
    if exists (
        select from pg_catalog.pg_trigger as t
        where t.tgrelid = v_table and t.tgname = v_name and t.tgenabled in ('O', 'A')
            and lower(pg_get_triggerdef(t.oid)) = lower(definition)
    ) then
        return;
    end if;
    execute regexp_replace(definition, '^create trigger', 'create or replace trigger');
    execute format('alter table %s enable trigger %I', v_table, v_name);
end
$$;
comment on function public.fn_iu_trigger_ensure(text) is
'Makes a trigger, given as pg_get_triggerdef prints it in lower case, where it is missing, disabled or
another. Where it is there already, its table is not locked: create or replace would wait for every
transaction that has written to it.';
