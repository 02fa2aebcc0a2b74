create or replace function public.fn_iu_append_only_refuse()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
begin
    if tg_op = 'DELETE' and tg_table_name in ('event_outbox', 'iu_route_attempt_log') and exists (
        select from public.iu_retention_history as h
        where h.dropped_xid = pg_current_xact_id() and h.dropped_at >= transaction_timestamp()
    ) then
        return null;
    end if;
    raise exception '% of % is refused: the table is append-only', lower(tg_op), tg_table_name using
        errcode = 'IU203',
        hint = 'Recorded rows cannot be changed. Insert a new row instead.';
end
$$;
comment on function public.fn_iu_append_only_refuse() is
'Trigger function of the append-only tables: raises IU203 on update, delete and truncate, even if no row
matches. Allows a delete of events and attempts in a transaction that has recorded it in iu_retention_history
(fn_iu_retention_run).';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_append_only_refuse()', 'internal');
