create or replace function public.fn_iu_delivery_targets_granted()
returns table (
    target_no int, target_name text, kind text, address text, secret_name text, timeout_seconds int,
    lease_seconds int, max_per_minute int, at_most_once boolean, allow_private boolean, options jsonb,
    target_version int, enabled boolean, routes text[]
)
language plpgsql stable security definer rows 10
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_column
begin
    perform public.fn_iu_login_require('iu_sender', 'IU201');
    return query
    select t.target_no, t.target_name, t.kind, t.address, t.secret_name, t.timeout_seconds, t.lease_seconds,
        t.max_per_minute, t.at_most_once, t.allow_private, t.options, t.target_version, t.enabled, array(
            select r.route_code from public.iu_delivery_route as r
            where r.target_no = t.target_no order by r.route_code
        )
    from public.iu_delivery_target_sender as s
    inner join public.iu_delivery_target as t on t.target_no = s.target_no
    where s.login = session_user
    order by t.target_name;
end
$$;
comment on function public.fn_iu_delivery_targets_granted() is
'The targets that are granted to the login of the session, as a sender needs them, each with the codes of the
routes that were ever promoted to it. secret_name is the name of the secret, not the secret. Raises IU201 for
a login that is not a sender. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_targets_granted()', 'deliver'
);
