-- The SQL of delivery.py.

-- name: is_installed
select to_regprocedure('public.fn_iu_delivery_misfit(int)') is not null as installed;

-- name: without_sender
select t.target_name
from public.iu_delivery_target as t
where
    t.enabled
    and not exists (
        select 1
        from public.iu_delivery_target_sender as s
        inner join pg_roles as l on s.login = l.rolname
        inner join pg_roles as r on r.rolname = 'iu_sender'
        where s.target_no = t.target_no and l.rolcanlogin and pg_has_role(l.oid, r.oid, 'member')
    )
order by t.target_name;

-- name: unfit_senders
select
    f.login,
    concat_ws(
        ' and ',
        case when f.is_missing then 'does not exist' end,
        case when f.is_superuser then 'is a superuser' end,
        case when f.is_owner then 'is a member of the owner' end,
        case when f.is_approver then 'approves promotions' end
    ) as fault
from (
    select
        g.login, l.oid is null as is_missing, l.rolsuper as is_superuser,
        not l.rolsuper and pg_has_role(l.oid, c.relowner, 'member') as is_owner,
        not l.rolsuper and pg_has_role(l.oid, a.oid, 'member') as is_approver
    from (select distinct login from public.iu_delivery_target_sender) as g
    inner join pg_class as c on c.oid = to_regclass('public.iu_schema_step')
    inner join pg_roles as a on a.rolname = 'iu_approver'
    left join pg_roles as l on g.login = l.rolname
) as f
where f.is_missing or f.is_superuser or f.is_owner or f.is_approver
order by f.login;

-- name: ending
select r.route_code, (extract(epoch from r.expires_at - now()) / 3600)::double precision as hours
from public.iu_delivery_route as r
where r.held_reason is null and r.expires_at < now() + make_interval(days => %(days)s)
order by r.expires_at, r.route_code;

-- name: held_after_failover
select t.target_name
from public.iu_delivery_target as t
inner join public.iu_delivery_target_state as s on t.target_no = s.target_no
where s.failover_hold
order by t.target_name;
