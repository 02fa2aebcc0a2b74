create or replace function public.fn_iu_object_declare(
    module text, kind text, object text, access text, made_by text default ''
)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_object constant text := public.fn_iu_object_identity(kind, object);
begin
    if v_object is null then
        raise exception '% % is declared but does not exist', kind, object using
            errcode = 'IU901', hint = 'Create the object before it is declared.';
    elsif access <> 'internal' and not exists (
        select from public.iu_schema_access as a where a.access = fn_iu_object_declare.access
    ) then
        raise exception 'unknown access % of % %', quote_literal(access), kind, object using
            errcode = 'IU901', hint = 'Give internal, or a kind of access that objects/access.sql declares.';
    end if;
    insert into public.iu_schema_object as o (object, kind, module, access, made_by, declared_in)
    values (v_object, kind, module, access, made_by, pg_current_xact_id())
    on conflict on constraint iu_schema_object_pkey do update
    set access = excluded.access, made_by = excluded.made_by, declared_by = '',
        declared_in = excluded.declared_in
    where o.module = excluded.module and o.kind = excluded.kind;
    if not found then
        raise exception '% % belongs to another module', kind, object using
            errcode = 'IU901', hint = 'Give the object another name: a module changes its own objects only.';
    end if;
    perform public.fn_iu_object_secure(kind, v_object, access);
    if access = 'record' then
        perform public.fn_iu_trigger_ensure(module, format(
            'create trigger trg_iu_append_only before delete or update or truncate on %s '
            'for each statement execute function public.fn_iu_append_only_refuse()', v_object
        ));
    end if;
end
$$;
comment on function public.fn_iu_object_declare(text, text, text, text, text) is
'Adds an object (kind table, view, function or type) to the manifest of its module, transfers it to iu_owner,
grants the privileges of its access kind, and makes a table of access kind record append-only. made_by is the
step that created the object, if it is not the functions step. Changes only what differs. Raises IU901 if the
object does not exist, for an unknown access kind, and for an object of another module.';
