create or replace function public.fn_iu_gate_stamp()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if new.value is distinct from old.value then
        new.updated_at := clock_timestamp();
        new.updated_by := session_user;
    end if;
    return new;
end
$$;
comment on function public.fn_iu_gate_stamp() is
'Trigger function: sets updated_at and updated_by of a row of dot_config whose value changes, however it is
changed.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_gate_stamp()', 'internal');

select public.fn_iu_trigger_ensure(
    'iu-core',
    'create trigger trg_iu_gate_stamp before update on public.dot_config '
    'for each row execute function public.fn_iu_gate_stamp()'
);
