-- The SQL of delivery.py.

-- name: who
select
    session_user::text as login,
    to_regprocedure('public.fn_iu_delivery_targets_granted()') is not null as has_module,
    coalesce((
        select
            not l.rolsuper
            and pg_has_role(l.oid, r.oid, 'member') and not pg_has_role(l.oid, o.oid, 'member')
        from pg_roles as l
        inner join pg_roles as r on r.rolname = 'iu_sender'
        inner join pg_roles as o on o.rolname = 'iu_owner'
        where l.rolname = session_user
    ), false) as is_sender;
