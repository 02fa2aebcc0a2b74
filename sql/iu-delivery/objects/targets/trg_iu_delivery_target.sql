create or replace function public.fn_iu_delivery_target_version_record()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
begin
    if tg_op = 'UPDATE' and to_jsonb(new) - 'enabled' = to_jsonb(old) - 'enabled' then
        return new;
    end if;
    insert into public.iu_delivery_target_version (target_no, target_name, definition)
    values (new.target_no, new.target_name, to_jsonb(new) - 'enabled' - 'target_version')
    returning target_version into new.target_version;
    return new;
end
$$;
comment on function public.fn_iu_delivery_target_version_record() is
'Trigger function: records every state of a target in iu_delivery_target_version and sets target_version.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_target_version_record()', 'internal'
);

create or replace function public.fn_iu_delivery_target_begin()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
begin
    insert into public.iu_delivery_target_state (target_no) values (new.target_no);
    insert into public.iu_delivery_shard (target_no, shard)
    select new.target_no, s from generate_series(0, 63) as s;
    return null;
end
$$;
comment on function public.fn_iu_delivery_target_begin() is
'Trigger function: gives a new target its state and its shards.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_target_begin()', 'internal'
);

select public.fn_iu_trigger_ensure(
    'iu-delivery',
    'create trigger trg_iu_delivery_target before insert or update on public.iu_delivery_target '
    'for each row execute function public.fn_iu_delivery_target_version_record()'
);
select public.fn_iu_trigger_ensure(
    'iu-delivery',
    'create trigger trg_iu_delivery_target_begin after insert on public.iu_delivery_target '
    'for each row execute function public.fn_iu_delivery_target_begin()'
);
