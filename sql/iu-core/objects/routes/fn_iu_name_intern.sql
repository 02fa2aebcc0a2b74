create or replace function public.fn_iu_name_intern(name text)
returns int
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_no int := (select n.name_no from public.iu_audit_name as n where n.name = fn_iu_name_intern.name);
begin
    if v_no is null then
        insert into public.iu_audit_name (name) values (name) on conflict do nothing;
        select n.name_no into strict v_no from public.iu_audit_name as n
        where n.name = fn_iu_name_intern.name;
    end if;
    return v_no;
end
$$;
comment on function public.fn_iu_name_intern(text) is
'The number that replaces a worker name or route code in the audit; assigned at the first use and never
changed.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_name_intern(text)', 'internal');
