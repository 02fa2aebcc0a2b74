-- Proof of 010: the roles cannot log in, the ledger is there, and nothing of iu_pipelines is open to PUBLIC.
do $proof$
declare
    v_left_out boolean := not exists (
        select from pg_catalog.pg_class as c
        where c.oid = 'public.iu_schema_step'::regclass and c.relowner::regrole::text = 'iu_owner'
    );
begin
    perform public.fn_iu_proof_note('group roles cannot log in', 'none can', case when exists (
        select from pg_catalog.pg_roles as r
        where r.rolname in ('iu_owner', 'iu_emitter', 'workflow_admin', 'iu_auditor')
            and (r.rolcanlogin or r.rolsuper)
    ) then 'one can' else 'none can' end);
    perform public.fn_iu_proof_note(
        'group roles are there, or were left out', case when v_left_out then 'left out' else '4' end,
        case when v_left_out then 'left out' else (
            select count(*)::text from pg_catalog.pg_roles as r
            where r.rolname in ('iu_owner', 'iu_emitter', 'workflow_admin', 'iu_auditor')
        ) end
    );
    perform public.fn_iu_proof_note('ledger holds the step', '1', (
        select count(*)::text from public.iu_schema_step as s
        where s.module = 'iu-core' and s.step_name = '010_roles_and_ledger'
    ));
    perform public.fn_iu_proof_note('tables open to PUBLIC', 'none', coalesce((
        select string_agg(distinct o.object, ', ' order by o.object)
        from public.iu_schema_object as o
        inner join pg_catalog.pg_class as c on c.oid = to_regclass(
            case when o.kind <> 'function' then o.object end
        )
        cross join lateral aclexplode(c.relacl) as a
        where o.kind in ('table', 'view') and a.grantee = 0
    ), 'none'));
    perform public.fn_iu_proof_note('functions open to PUBLIC', 'none', coalesce((
        select string_agg(o.object, ', ' order by o.object)
        from public.iu_schema_object as o
        inner join pg_catalog.pg_proc as p on p.oid = to_regprocedure(
            case o.kind when 'function' then o.object end
        )
        where o.kind = 'function'
            and (p.proacl is null or exists (select from aclexplode(p.proacl) as a where a.grantee = 0))
    ), 'none'));
    perform public.fn_iu_proof_end('010_roles_and_ledger');
end
$proof$;
