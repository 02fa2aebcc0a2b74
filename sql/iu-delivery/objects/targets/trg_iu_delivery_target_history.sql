create or replace function public.fn_iu_delivery_target_history_write(
    target_no int, change text, old_value jsonb, new_value jsonb
)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    -- The newest version has the name also of a target that is being removed.
    insert into public.iu_delivery_target_history (
        target_no, target_name, change, old_value, new_value, reason
    )
    select target_no, v.target_name, change, old_value, new_value,
        nullif(current_setting('iu.config_reason', true), '')
    from public.iu_delivery_target_version as v
    where v.target_no = fn_iu_delivery_target_history_write.target_no
    order by v.target_version desc limit 1;
end
$$;
comment on function public.fn_iu_delivery_target_history_write(int, text, jsonb, jsonb) is
'Adds a row to iu_delivery_target_history, by the login of the session; the reason is the setting
iu.config_reason.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_target_history_write(int, text, jsonb, jsonb)', 'internal'
);

create or replace function public.fn_iu_delivery_target_history_record()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
    v_old constant jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    v_new constant jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
    v_of_senders constant boolean := tg_argv[0] = 'sender';
    v_old_value jsonb;
    v_new_value jsonb;
begin
    if v_of_senders and v_old ->> 'login' is distinct from v_new ->> 'login' then
        if v_old is not null then
            perform public.fn_iu_delivery_target_history_write(
                old.target_no, 'revoked', jsonb_build_object('login', v_old -> 'login'), null
            );
        end if;
        if v_new is not null then
            perform public.fn_iu_delivery_target_history_write(
                new.target_no, 'granted', null, jsonb_build_object('login', v_new -> 'login')
            );
        end if;
    elsif not v_of_senders and v_old is distinct from v_new then
        select jsonb_object_agg(k.key, v_old -> k.key) filter (where v_old is not null),
            jsonb_object_agg(k.key, v_new -> k.key) filter (where v_new is not null)
        into v_old_value, v_new_value from jsonb_object_keys(coalesce(v_new, v_old)) as k (key)
        where (v_old -> k.key) is distinct from (v_new -> k.key);
        perform public.fn_iu_delivery_target_history_write(
            coalesce(v_new ->> 'target_no', v_old ->> 'target_no')::int,
            case
                when v_old is null then 'added'
                when v_new is null then 'removed'
                when v_old - 'enabled' <> v_new - 'enabled' then 'changed'
                when (v_new ->> 'enabled')::boolean then 'enabled'
                else 'disabled'
            end, v_old_value, v_new_value
        );
    end if;
    return null;
end
$$;
comment on function public.fn_iu_delivery_target_history_record() is
'Trigger function: records each change of a target, or with the argument sender of its senders, in
iu_delivery_target_history.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_target_history_record()', 'internal'
);

select public.fn_iu_trigger_ensure(
    'iu-delivery',
    'create trigger trg_iu_delivery_target_history after insert or delete or update '
    'on public.iu_delivery_target for each row execute function '
    'public.fn_iu_delivery_target_history_record(''target'')'
);
select public.fn_iu_trigger_ensure(
    'iu-delivery',
    'create trigger trg_iu_delivery_target_history after insert or delete or update '
    'on public.iu_delivery_target_sender for each row execute function '
    'public.fn_iu_delivery_target_history_record(''sender'')'
);
