create or replace function public.fn_iu_delivery_target_sender_check()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
begin
    if not exists (
        select from pg_catalog.pg_roles as r where r.rolname = new.login and r.rolcanlogin
    ) then
        raise exception 'unknown login %', coalesce(quote_literal(left(new.login, 100)), 'null') using
            errcode = 'IU104', hint = 'Give the name of a role that may log in and is a member of iu_sender.';
    end if;
    if not pg_catalog.pg_has_role(new.login, 'iu_sender', 'member') then
        raise exception 'login % is not a member of iu_sender', new.login using
            errcode = 'IU104', hint = format(
                'Ask an administrator to run: grant iu_sender to %I. Then grant the target again.', new.login
            );
    end if;
    new.granted_by := session_user;
    new.granted_at := clock_timestamp();
    return new;
end
$$;
comment on function public.fn_iu_delivery_target_sender_check() is
'Trigger function: sets who granted a target to a login, and when. Raises IU104 if there is no such login,
or if it is not a member of iu_sender.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_target_sender_check()', 'internal'
);

select public.fn_iu_trigger_ensure(
    'iu-delivery',
    'create trigger trg_iu_delivery_target_sender before insert or update on '
    'public.iu_delivery_target_sender for each row execute function '
    'public.fn_iu_delivery_target_sender_check()'
);
