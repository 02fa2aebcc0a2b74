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
'Whether this installation has the group roles: step 010 gave the ledger to iu_owner. Without them
everything belongs to the installer.';
