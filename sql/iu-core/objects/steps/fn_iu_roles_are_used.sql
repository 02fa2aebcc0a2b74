create or replace function public.fn_iu_roles_are_used()
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select c.relowner::regrole::text = 'iu_owner' from pg_catalog.pg_class as c
    where c.oid = 'public.iu_schema_step'::regclass
$$;
comment on function public.fn_iu_roles_are_used() is
'Whether this installation uses the group roles, that is, whether iu_owner owns the ledger. Without them the
installing role owns everything.';
