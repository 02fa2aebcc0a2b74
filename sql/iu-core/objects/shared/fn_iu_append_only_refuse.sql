create or replace function public.fn_iu_append_only_refuse()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
    v_function text;
    v_allowed boolean := false;
begin
    if tg_op = 'DELETE' and tg_table_name in ('event_outbox', 'iu_route_attempt_log') and exists (
        select from public.iu_retention_history as h
        where h.dropped_xid = pg_current_xact_id() and h.dropped_at >= transaction_timestamp()
    ) then
        return null;
    elsif tg_op = 'DELETE' and has_table_privilege('public.iu_schema_object', 'select') then
        -- The retention of a module, for tables of that module only (decision 072).
        for v_function in
            select split_part(f.object, '(', 1) from public.iu_schema_object as t
            inner join public.iu_schema_object as f on f.module = t.module and f.kind = 'function'
            where t.object = format('public.%I', tg_table_name) and t.module <> 'iu-core'
                and f.object like 'public.fn\_iu\_%\_retention\_allows(text)'
                and has_function_privilege(f.object, 'execute')
        loop
            execute format('select %s($1)', v_function) into v_allowed using tg_table_name::text;
            if v_allowed then
                return null;
            end if;
        end loop;
    end if;
    raise exception '% of % is refused: the table is append-only', lower(tg_op), tg_table_name using
        errcode = 'IU203',
        hint = 'Recorded rows cannot be changed. Insert a new row instead.';
end
$$;
comment on function public.fn_iu_append_only_refuse() is
'Trigger function of the append-only tables: raises IU203 on update, delete and truncate, even if no row
matches. Allows a delete of events and attempts in a transaction that has recorded it in iu_retention_history
(fn_iu_retention_run), and one of a table of a module where public.fn_iu_NAME_retention_allows(text) of that
module says so.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_append_only_refuse()', 'internal');
