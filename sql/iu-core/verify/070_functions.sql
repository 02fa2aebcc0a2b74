-- Proof of 070: every object of the manifest exists, with its owner and its privileges.
do $proof$
begin
    perform public.fn_iu_module_prove('iu-core');
    perform public.fn_iu_proof_note('group roles that are members of iu_owner', 'none', coalesce((
        select string_agg(r.rolname, ', ' order by r.rolname) from pg_catalog.pg_roles as r
        where r.rolname in (select a.role_name from public.iu_schema_access as a)
            and pg_has_role(r.oid, to_regrole('iu_owner'), 'member')
    ), 'none'));
    perform public.fn_iu_proof_end('070_functions');
end
$proof$;
