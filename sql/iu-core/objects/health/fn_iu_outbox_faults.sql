create or replace function public.fn_iu_outbox_faults()
returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_filtered constant text := public.fn_iu_module_row_security(null);
begin
    return array_remove(array[
        case when v_filtered is not null
            then format('row security is on for %s: rows that it hides are not counted', v_filtered) end,
        case when not exists (
            select from pg_constraint as c
            where c.conrelid = to_regclass('public.iu_outbound_route')
                and c.conname = 'dry_run_is_enforced' and c.contype = 'c'
        ) then 'the safety check dry_run_is_enforced of iu_outbound_route is missing' end
    ], null);
end
$$;
comment on function public.fn_iu_outbox_faults() is
'What makes every worker unhealthy, one sentence each: row security is on for a table, or the constraint
dry_run_is_enforced is missing. Empty if all is well.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_outbox_faults()', 'internal');
