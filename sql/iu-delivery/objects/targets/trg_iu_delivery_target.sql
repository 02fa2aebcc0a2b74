create or replace function public.fn_iu_delivery_target_check()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
    v_old jsonb := case tg_op when 'UPDATE' then to_jsonb(old) else '{}' end;
    v_new jsonb;
    v_column text;
begin
    -- Secrets first: the other errors show the value. An option such as authorization_secret may name one.
    foreach v_column in array array['target_name', 'address', 'options'] loop
        perform public.fn_iu_target_secret_refuse(v_column, regexp_replace(
            to_jsonb(new) ->> v_column, '"[a-z_]+_secret": "(?=[A-Z][A-Z0-9_]{0,62}")', '"ref": "', 'g'
        ));
    end loop;
    if not exists (
        select from public.fn_iu_target_kinds() as k where k.kind = new.kind and k.module = 'iu-delivery'
    ) and not public.fn_iu_target_kind_is_own(new.kind) then
        raise exception 'unknown target kind %', coalesce(quote_literal(left(new.kind, 100)), 'null') using
            errcode = 'IU601', hint = format('Known: %s, and kinds of your own, such as acme.sqs.', (
                select string_agg(k.kind, ', ' order by k.kind) from public.fn_iu_target_kinds() as k
                where k.module = 'iu-delivery'
            ));
    end if;
    if tg_op = 'UPDATE' and new.target_no <> old.target_no then
        raise exception 'target % has number %, which cannot change', old.target_name, old.target_no using
            errcode = 'IU607', hint = 'Leave target_no out of the update.';
    end if;
    new.after_failover := coalesce(
        new.after_failover, case when new.at_most_once then 'hold' else 'resume' end
    );
    if new.allow_private and (
        tg_op = 'INSERT' or not old.allow_private or (new.kind, new.address) <> (old.kind, old.address)
    ) then
        perform public.fn_iu_login_require('iu_approver', 'IU204');
    end if;
    v_new := to_jsonb(new) - '{enabled, target_version}'::text [];
    if v_new is distinct from v_old - '{enabled, target_version}'::text [] then
        insert into public.iu_delivery_target_version (target_no, target_name, definition)
        values (new.target_no, new.target_name, v_new)
        returning target_version into new.target_version;
    else
        new.target_version := old.target_version;
    end if;
    return new;
end
$$;
comment on function public.fn_iu_delivery_target_check() is
'Trigger function: checks a target, records its definition in iu_delivery_target_version if it changed, and
sets target_version. Raises IU602 for a secret, IU601 for a kind that the module does not deliver to and that
is not named as one of others (fn_iu_target_kind_is_own), IU607 if target_no changes, and IU204 if a login
that is not an approver sets allow_private, or changes the kind or the address of a target that has it.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_target_check()', 'internal'
);

select public.fn_iu_trigger_ensure(
    'iu-delivery',
    'create trigger trg_iu_delivery_target before insert or update on public.iu_delivery_target '
    'for each row execute function public.fn_iu_delivery_target_check()'
);
