create or replace function public.fn_iu_capture_list()
returns table (
    route_code text, source_table text, source_op text, condition jsonb, target_event_type text,
    subject_table text, subject_columns text[], address_template text, payload_map jsonb, on_error text,
    enabled boolean, dry_run boolean, attachment text, table_owner text, may_attach boolean,
    attach_statements text[], detach_statements text[]
)
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select r.route_code, r.source_table, r.source_op, r.condition, r.target_event_type, r.subject_table,
        r.subject_columns, r.address_template, r.payload_map, r.on_error, r.enabled, r.dry_run, case
            when r.subject_columns is null and r.source_table = 'iu_sql_link' then 'built in'
            when r.subject_columns is null then 'without a function'
            when c.oid is null then 'table is missing'
            when t.missing = '{}' then 'attached'
            when t.present = '{}' then 'not attached'
            else 'attached in part'
        end, c.relowner::regrole::text, coalesce(pg_has_role(c.relowner, 'usage'), false), t.missing,
        t.present
    from public.iu_inbound_route as r
    left join pg_catalog.pg_class as c on c.oid = public.fn_iu_capture_table(r.source_table)
    cross join lateral (
        select coalesce(
            array_agg(s.statement order by s.name) filter (where not s.is_attached), '{}'
        ) as missing, array(
                select format('drop trigger %I on %s', g.tgname, g.tgrelid::regclass)
                from pg_catalog.pg_trigger as g
                where g.tgfoid = to_regprocedure(format('public.fn_iu_capture_%s()', r.capture_no))
                    and not exists (
                        select from pg_catalog.pg_trigger as parent where parent.oid = g.tgparentid
                    )
                order by g.tgname
            ) as present
        from public.fn_iu_capture_triggers(r) as s
    ) as t
    order by r.route_code
$$;
comment on function public.fn_iu_capture_list() is
'All captures. attachment: attached, attached in part, not attached, table is missing; built in for the
seeds'' route of iu_sql_link; without a function for an older row that is no capture. may_attach: whether
the current user has the rights of the table''s owner. attach_statements: what the owner runs to attach the
triggers that are missing or disabled; detach_statements: what drops those that exist.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_capture_list()', 'inspect');
