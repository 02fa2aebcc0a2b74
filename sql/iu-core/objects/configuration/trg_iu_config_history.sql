create or replace function public.fn_iu_config_history_record()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
begin
    insert into public.iu_config_history (noun, name, old_value, new_value, reason, changed_by)
    select tg_argv[0], name, jsonb_object_agg(c.column_name, s.old_row -> c.column_name)
            filter (where s.old_row is not null),
        jsonb_object_agg(c.column_name, s.new_row -> c.column_name) filter (where s.new_row is not null),
        nullif(current_setting('iu.config_reason', true), ''), session_user
    from (
        -- A renamed row is a removed one and a new one.
        select coalesce(o.name, n.name) as name, o.row as old_row, n.row as new_row
        from (
            select to_jsonb(old) ->> tg_argv[1] as name, to_jsonb(old) as row where tg_op <> 'INSERT'
        ) as o
        full join (
            select to_jsonb(new) ->> tg_argv[1] as name, to_jsonb(new) as row where tg_op <> 'DELETE'
        ) as n on n.name = o.name
    ) as s
    cross join unnest(tg_argv[2:]) as c (column_name)
    -- The cursor of a live route is no worker.
    where coalesce(s.new_row, s.old_row) ->> 'cursor_kind' is distinct from 'delivery'
    group by s.name
    having bool_or((s.old_row -> c.column_name) is distinct from (s.new_row -> c.column_name))
    order by bool_and(s.old_row is null);
    return null;
end
$$;
comment on function public.fn_iu_config_history_record() is
'Trigger function: records each change of a row in iu_config_history. Its arguments are the noun, the column
with the name, and the columns whose values are recorded. The reason is the setting iu.config_reason.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_config_history_record()', 'internal');

select public.fn_iu_trigger_ensure(
    'iu-core',
    'create trigger trg_iu_config_history after insert or delete or update '
    'on public.event_type_registry for each row execute function public.fn_iu_config_history_record('
    '''event_type'', ''event_type'', ''event_domain'', ''event_stream'', ''delivery_lane'', '
    '''payload_classification'', ''event_subject_table'', ''payload_keys'', ''enabled'')'
);

select public.fn_iu_trigger_ensure(
    'iu-core',
    'create trigger trg_iu_config_history after insert or delete or update '
    'on public.iu_outbound_route for each row execute function public.fn_iu_config_history_record('
    '''route'', ''route_code'', ''event_type'', ''enabled'', ''dry_run'', ''target_kind'', '
    '''target_ref'')'
);

select public.fn_iu_trigger_ensure(
    'iu-core',
    'create trigger trg_iu_config_history after insert or delete or update '
    'on public.iu_inbound_route for each row execute function public.fn_iu_config_history_record('
    '''capture'', ''route_code'', ''source_table'', ''source_op'', ''condition'', '
    '''target_event_type'', ''subject_table'', ''subject_columns'', ''address_template'', '
    '''payload_map'', ''on_error'', ''enabled'', ''dry_run'')'
);

select public.fn_iu_trigger_ensure(
    'iu-core',
    'create trigger trg_iu_config_history after insert or delete or update of event_domain, retired_at '
    'on public.iu_route_worker_cursor for each row execute function public.fn_iu_config_history_record('
    '''worker'', ''worker_name'', ''event_domain'', ''retired_at'')'
);
