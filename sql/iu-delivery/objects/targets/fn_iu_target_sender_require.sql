create or replace function public.fn_iu_target_sender_require(given public.iu_delivery_target)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    perform public.fn_iu_login_require('iu_sender', 'IU201');
    if not exists (
        select from public.iu_delivery_target_sender as s
        where s.target_no = given.target_no and s.login = session_user
    ) then
        raise exception 'login % may not deliver to target %', session_user, given.target_name using
            errcode = 'IU201',
            hint = format('Grant it with: iu target grant %s %s', given.target_name, session_user);
    end if;
end
$$;
comment on function public.fn_iu_target_sender_require(public.iu_delivery_target) is
'Raises IU201 unless the login of the session is a member of iu_sender, neither a superuser nor a member of
iu_owner, and the target is granted to it.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_target_sender_require(public.iu_delivery_target)', 'internal'
);
