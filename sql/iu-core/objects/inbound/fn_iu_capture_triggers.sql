create or replace function public.fn_iu_capture_triggers(capture public.iu_inbound_route)
returns table (name text, relation oid, statement text, is_attached boolean)
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select t.name, t.relation, case
            when g.tgenabled is not null then format(
                'alter table %s enable trigger %s', t.relation::regclass, t.name
            )
            else format(
                'create trigger %s after %s on %s referencing %s for each statement execute function '
                'public.fn_iu_capture_%s()', t.name, t.event, t.relation::regclass, case t.event
                    when 'insert' then 'new table as new_rows'
                    when 'delete' then 'old table as old_rows'
                    else 'old table as old_rows new table as new_rows'
                end, capture.capture_no
            )
        end, coalesce(g.tgenabled in ('O', 'A'), false)
    from (
        -- Triggers fire by name, so of a changed key the delete is recorded before the insert.
        select format('trg_iu_capture_%s_%s_%s', capture.source_op, capture.capture_no, e.event) as name,
            e.event,
            public.fn_iu_capture_table(capture.source_table) as relation
        from (
            select capture.source_op as event union select 'update'
        ) as e
    ) as t
    left join pg_catalog.pg_trigger as g
        on g.tgrelid = t.relation and g.tgname = t.name
            and g.tgfoid = to_regprocedure(format('public.fn_iu_capture_%s()', capture.capture_no))
            and g.tgtype = case t.event when 'insert' then 4 when 'delete' then 8 else 16 end
    where capture.subject_columns is not null
    order by t.name
$$;
comment on function public.fn_iu_capture_triggers(public.iu_inbound_route) is
'The triggers of a capture, with the statements that attach them: create trigger, or for a trigger that is
disabled alter table … enable trigger. A capture of inserts or deletes has a second one for updates that
change a key.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_triggers(public.iu_inbound_route)', 'inspect'
);
