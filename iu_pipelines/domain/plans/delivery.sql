-- The SQL of delivery.py.

-- name: logins
-- A member of iu_owner may not deliver (fn_iu_login_require), and a superuser is a member of every role.
select
    r.rolname as login, pg_catalog.pg_has_role(r.oid, 'iu_sender', 'member') as is_sender,
    pg_catalog.pg_has_role(r.oid, 'iu_owner', 'member') as is_owner
from pg_catalog.pg_roles as r
where r.rolname = any(%(logins)s::text[]) and r.rolcanlogin;

-- name: secrets
select given.name, public.fn_iu_target_secret(given.text) as found
from unnest(%(names)s::text[], %(texts)s::text[]) as given (name, text)
where public.fn_iu_target_secret(given.text) is not null;

-- name: approved
select p.promotion_no, p.route_code, p.target_name, p.state, p.held_reason, d.route_no, d.event_type
from public.fn_iu_promotion_list() as p
inner join public.iu_delivery_route as d on p.promotion_no = d.promotion_no
where p.state in ('live', 'held')
order by p.route_code;

-- name: queued
select count(*) as seen, count(*) filter (where q.dead_at is null) as alive
from (
    select d.dead_at from public.iu_delivery as d
    where d.route_no = %(route_no)s
    order by d.event_seq
    limit %(cap)s
) as q;

-- name: promoted
select t.target_name, array_agg(d.route_code order by d.route_code) as routes
from public.iu_delivery_target as t
inner join public.iu_delivery_route as d on t.target_no = d.target_no
where t.target_name = any(%(targets)s::text[])
group by t.target_name
order by t.target_name;

-- name: in_flight
-- (route_no * 1): each route is a range of the index of due heads.
select l.login, count(*) as claims
from (
    select d.claim_id, d.due_at
    from public.iu_delivery_target as t
    inner join public.iu_delivery_route as r on t.target_no = r.target_no
    cross join
        lateral (
            select h.claim_id, h.due_at
            from public.iu_delivery as h
            where
                (h.route_no * 1) = r.route_no and h.is_head and h.dead_at is null
                and h.due_at > statement_timestamp() and h.claim_id is not null
            order by h.due_at
            limit %(cap)s
        ) as d
    where t.target_name = %(target)s
    order by d.due_at
    limit %(cap)s
) as f
inner join public.iu_delivery_claim as c on f.claim_id = c.claim_id
inner join public.iu_delivery_ledger as l on c.ledger_no = l.ledger_no
group by l.login
order by l.login;
