create or replace function public.fn_iu_login_require(role_name text, errcode text)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_end constant text := case role_name
        when 'iu_sender' then '. Create it, then let it deliver with: iu target grant TARGET LOGIN' else '.'
    end;
begin
    if (select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = session_user) then
        raise exception 'login % is a superuser', session_user using
            errcode = errcode,
            hint = format(
                'Connect as a login that is a member of %s and not a superuser%s', role_name, v_end
            );
    elsif (
        select a.usesysid from pg_stat_get_activity(pg_backend_pid()) as a
    ) is distinct from (select r.oid from pg_catalog.pg_roles as r where r.rolname = session_user) then
        raise exception 'login % is not the one that the session began with', session_user using
            errcode = errcode, hint = 'Connect as that login: set session authorization is not enough.';
    elsif pg_has_role(session_user, 'iu_owner', 'member') then
        raise exception 'login % is a member of iu_owner', session_user using
            errcode = errcode,
            hint = format(
                'Connect as a login that is a member of %s and not of iu_owner%s', role_name, v_end
            );
    elsif not pg_has_role(session_user, role_name, 'member') then
        raise exception 'login % is not a member of %', session_user, role_name using
            errcode = errcode,
            hint = format('Ask an administrator to run: grant %s to %I', role_name, session_user);
    end if;
end
$$;
comment on function public.fn_iu_login_require(text, text) is
'Raises an error with the given code unless the login of the session (session_user, which set role does not
change) is a member of a role, and neither a superuser nor a member of iu_owner, and began the session: a
superuser can take any login with set session authorization.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_login_require(text, text)', 'internal'
);
