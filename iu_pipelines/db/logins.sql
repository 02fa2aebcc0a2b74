-- The SQL of logins.py.

-- name: give
select
    set_config('iu.login', %(login)s, true) as login,
    set_config('iu.login_password', %(password)s, true) as password,
    set_config('iu.login_roles', %(roles)s, true) as roles;

-- name: open
do $open$
declare
    v_login constant text := current_setting('iu.login');
    v_role text;
begin
    if not exists (select from pg_catalog.pg_roles as r where r.rolname = v_login) then
        execute format('create role %I', v_login);
    end if;
    execute format('alter role %I login password %L', v_login, current_setting('iu.login_password'));
    foreach v_role in array string_to_array(current_setting('iu.login_roles'), ',') loop
        execute format('grant %I to %I', v_role, v_login);
    end loop;
end
$open$;

-- name: close
do $close$
declare
    v_login constant text := current_setting('iu.login');
begin
    if exists (select from pg_catalog.pg_roles as r where r.rolname = v_login) then
        execute format('alter role %I nologin password null', v_login);
    end if;
end
$close$;
