create or replace function public.fn_iu_module_prove(module text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_line record;
begin
    for v_line in
        with own as (
            select o.*, to_regprocedure(case when o.kind = 'function' then o.object end) as function,
                to_regclass(case when o.kind in ('table', 'view') then o.object end) as relation
            from public.iu_schema_object as o where o.module = fn_iu_module_prove.module
        ),
        coded as (
            select own.object, p.* from own inner join pg_catalog.pg_proc as p on p.oid = own.function
        )
        select said.place, said.name, said.seen from (
            select 1 as place, 'objects of the manifest that are missing' as name,
                string_agg(own.object, ', ' order by own.object) as seen
            from own where public.fn_iu_object_identity(own.kind, own.object) is null
            union all
            select 2, 'functions without a fixed search_path', string_agg(c.object, ', ' order by c.object)
            from coded as c
            where (c.prosqlbody is null or c.prosecdef)
                and not coalesce('search_path=pg_catalog, pg_temp' = any (c.proconfig), false)
            union all
            select 3, 'functions without a comment', string_agg(c.object, ', ' order by c.object)
            from coded as c where obj_description(c.oid, 'pg_proc') is null
            union all
            select 4, 'objects that others than the owner of the ledger own',
                string_agg(own.object, ', ' order by own.object)
            from own
            left join coded as c on c.object = own.object
            left join pg_catalog.pg_class as r on r.oid = own.relation
            where coalesce(c.proowner, r.relowner) <> (
                select l.relowner from pg_catalog.pg_class as l
                where l.oid = 'public.iu_schema_step'::regclass
            )
            union all
            select 5, 'append-only tables that let update, delete or truncate through',
                string_agg(own.object, ', ' order by own.object)
            from own where own.access = 'record' and not public.fn_iu_table_is_append_only(own.relation)
            union all
            select 6, 'rights that differ from the matrix',
                string_agg(format('%s (%s)', m.object, m.misfit), ', ' order by m.object)
            from (
                select own.object, public.fn_iu_object_misfit(own.kind, own.object, own.access) as misfit
                from own
            ) as m where m.misfit is not null
            union all
            select 7, 'rights to write what only the verbs may write', public.fn_iu_module_writers(module)
            union all
            select 8, 'tables under row security', public.fn_iu_module_row_security(module)
        ) as said
        order by said.place
    loop
        perform public.fn_iu_proof_note(v_line.name, 'none', coalesce(v_line.seen, 'none'));
    end loop;
end
$$;
comment on function public.fn_iu_module_prove(text) is
'The proof of a functions step, derived from the manifest of its module: eight lines of fn_iu_proof_note about
missing objects, search paths, comments, owners, append-only tables, privileges and row security. Call
fn_iu_proof_end afterwards.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_module_prove(text)', 'inspect');
