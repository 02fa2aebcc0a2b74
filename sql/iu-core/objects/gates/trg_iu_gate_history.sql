create or replace function public.fn_iu_gate_history_record()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
begin
    insert into public.dot_config_history (key, old_value, new_value, reason, changed_by)
    values (
        coalesce(new.key, old.key), old.value, new.value,
        nullif(current_setting('iu.gate_reason', true), ''), session_user
    );
    return null;
end
$$;
comment on function public.fn_iu_gate_history_record() is
'Trigger function: inserts a row into dot_config_history for each changed row of dot_config.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_gate_history_record()', 'internal');

select public.fn_iu_trigger_ensure(
    'iu-core',
    'create trigger trg_iu_gate_history after insert or delete or update on public.dot_config '
    'for each row execute function public.fn_iu_gate_history_record()'
);
