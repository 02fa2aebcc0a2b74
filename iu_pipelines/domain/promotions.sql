-- The SQL of promotions.py.

-- name: list_promotions
select
    promotion_no, route_code, target_name, state, reason, proposed_by, proposed_at, share, max_per_minute,
    max_failure_share, valid_for, deployment, queued, queued_count, start_position, evidence, decided_by,
    decided_at, decision_reason, expires_at, held_reason, demoted_by, demoted_at, demotion_reason,
    demoted_automatically
from public.fn_iu_promotion_list()
where %(route_code)s::text is null or route_code = %(route_code)s
order by promotion_no;

-- name: propose
select
    public.fn_iu_route_promotion_propose(
        %(route_code)s, %(share)s::numeric, %(max_per_minute)s::int, %(max_failure_share)s::numeric,
        %(valid_for)s::interval, %(deployment)s, %(queued)s, %(reason)s, %(start_position)s
    ) as answer;

-- name: decide
select public.fn_iu_route_promotion_decide(%(promotion_no)s::int, %(decision)s, %(reason)s) as answer;

-- name: demote
select public.fn_iu_route_demote(%(route_code)s, %(reason)s) as answer;

-- name: rehearsals
select target_name, event_id, payload_kind, delivery_key, headers, body, body_bytes
from public.fn_iu_delivery_rehearse(%(route_code)s)
order by payload_kind;

-- name: record_rehearsal
select
    public.fn_iu_delivery_rehearsal_record(
        %(route_code)s, %(event_id)s, %(body_hash)s, %(signature)s
    ) as answer;

-- name: thresholds
select
    threshold, value, initial_value, minimum, maximum, description, change_no, new_value, proposed_by,
    proposed_at, reason
from public.fn_iu_promotion_threshold_list()
order by threshold;

-- name: threshold_changes
select
    c.change_no, c.threshold, c.old_value, c.new_value, c.reason, c.proposed_by, c.proposed_at, d.decision,
    d.decided_by, d.decided_at, d.reason as decision_reason
from public.iu_promotion_threshold_change as c
left join public.iu_promotion_threshold_decision as d on c.change_no = d.change_no
order by c.change_no desc
limit %(max_rows)s;

-- name: propose_threshold
select
    public.fn_iu_promotion_threshold_propose(%(threshold)s, %(value)s::bigint, %(reason)s) as answer;

-- name: decide_threshold
select
    public.fn_iu_promotion_threshold_decide(%(change_no)s::int, %(decision)s, %(reason)s) as answer;
