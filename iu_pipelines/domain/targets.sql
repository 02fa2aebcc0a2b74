-- The SQL of targets.py.

-- name: list_targets
select
    t.target_name, t.kind, t.address, t.secret_name, t.timeout_seconds, t.lease_seconds, t.max_per_minute,
    t.retry_seconds, t.max_in_doubt, t.on_dead_letter, t.at_most_once, t.after_failover, t.allow_private,
    t.options, t.enabled, t.target_version, s.paused, s.failover_hold, s.breaker,
    array(
        select r.route_code
        from public.iu_outbound_route as r
        where r.target_kind = t.kind and r.target_ref = t.target_name
        order by r.route_code
    ) as routes,
    array(
        select g.login
        from public.iu_delivery_target_sender as g
        where g.target_no = t.target_no
        order by g.login
    ) as senders
from public.iu_delivery_target as t
inner join public.iu_delivery_target_state as s on t.target_no = s.target_no
where %(target_name)s::text is null or t.target_name = %(target_name)s
order by t.target_name;

-- name: names
select t.target_name
from public.iu_delivery_target as t
order by t.target_name;

-- name: kind
select t.kind
from public.iu_delivery_target as t
where t.target_name = %(target_name)s;

-- name: versions
select v.target_version, v.definition, v.recorded_at, v.recorded_by
from public.iu_delivery_target_version as v
where v.target_name = %(target_name)s
order by v.target_version desc
limit %(max_rows)s;

-- name: add
insert into public.iu_delivery_target (
    target_name, kind, address, secret_name, timeout_seconds, lease_seconds, max_per_minute, retry_seconds,
    max_in_doubt, on_dead_letter, at_most_once, after_failover, options
)
select
    %(target_name)s, n.kind, n.address, n.secret_name, n.timeout_seconds, n.lease_seconds,
    n.max_per_minute, n.retry_seconds, n.max_in_doubt, n.on_dead_letter, n.at_most_once, n.after_failover,
    n.options
from jsonb_populate_record(null::public.iu_delivery_target, %(columns)s::jsonb) as n
on conflict (target_name) do nothing;

-- name: change
update public.iu_delivery_target as t
set
    (
        kind, address, secret_name, timeout_seconds, lease_seconds, max_per_minute, retry_seconds,
        max_in_doubt, on_dead_letter, at_most_once, after_failover, options
    ) = (
        select
            n.kind, n.address, n.secret_name, n.timeout_seconds, n.lease_seconds, n.max_per_minute,
            n.retry_seconds, n.max_in_doubt, n.on_dead_letter, n.at_most_once, n.after_failover, n.options
        from jsonb_populate_record(t, %(columns)s::jsonb) as n  -- noqa: RF03
    )
where t.target_name = %(target_name)s;

-- name: remove
delete from public.iu_delivery_target
where target_name = %(target_name)s;

-- name: allow_private
select public.fn_iu_delivery_target_allow_private(%(target_name)s, %(allowed)s, %(reason)s) as answer;

-- name: set_paused
select public.fn_iu_delivery_target_pause(%(target_name)s, %(paused)s, %(reason)s) as answer;

-- name: set_enabled
select public.fn_iu_delivery_target_enable(%(target_name)s, %(enabled)s, %(reason)s) as answer;

-- name: grant
insert into public.iu_delivery_target_sender (target_no, login)
select t.target_no, %(login)s::text
from public.iu_delivery_target as t
where t.target_name = %(target_name)s
on conflict (target_no, login) do nothing;

-- name: revoke
delete from public.iu_delivery_target_sender as s
using public.iu_delivery_target as t
where s.target_no = t.target_no and t.target_name = %(target_name)s and s.login = %(login)s;

-- name: granted
select
    target_no, target_name, kind, address, secret_name, timeout_seconds, lease_seconds, max_per_minute,
    at_most_once, allow_private, options, target_version, enabled, routes
from public.fn_iu_delivery_targets_granted()
order by target_name;

-- name: refusal
select public.fn_iu_delivery_target_refusal(%(target_name)s) as refusal;

-- name: tests
select e.test_no, t.target_name, e.target_version, e.passed, e.status_class, e.tested_at, e.tested_by
from public.iu_delivery_target_test as e
inner join public.iu_delivery_target as t on e.target_no = t.target_no
where t.target_name = %(target_name)s
order by e.test_no desc
limit %(max_rows)s;

-- name: history
select h.change, h.old_value, h.new_value, h.reason, h.changed_by, h.changed_at
from public.iu_delivery_target_history as h
where h.target_name = %(target_name)s
order by h.change_no desc
limit %(max_rows)s;

-- name: record_test
select public.fn_iu_delivery_target_test_record(%(target_name)s, %(passed)s, %(status_class)s) as answer;
