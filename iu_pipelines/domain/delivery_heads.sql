-- The SQL of delivery_heads.py.

-- name: heads
select delivery_key, event_id, route_code, subject, due_at, is_due, claim_id, fence, run_ref
from public.fn_iu_delivery_heads(%(target)s, %(max_rows)s::int)
order by due_at;

-- name: claim
select
    claim_id, fence, delivery_key, event_id, route_code, subject, subject_no, attempt_no, lease_seconds,
    address, headers, body
from public.fn_iu_delivery_claim_named(%(target)s, %(keys)s, %(sender)s, %(run_ref)s);

-- name: claimed
select
    target, run_ref, claim_id, fence, delivery_key, event_id, route_code, subject, subject_no, attempt_no,
    lease_seconds, address, headers, body
from public.fn_iu_delivery_claimed(%(keys)s);

-- name: prolong
select public.fn_iu_delivery_prolong(%(claim_ids)s) as prolonged;
