-- The SQL of deliveries.py.

-- name: is_installed
select to_regprocedure('public.fn_iu_delivery_misfit(integer)') is not null as installed;

-- name: misfit
select public.fn_iu_delivery_misfit(%(newest)s::int) as fault;

-- name: twins
select would, did, deliveries, first_event_id
from public.fn_iu_delivery_twin(%(route_code)s, %(newest)s::int)
order by would, did;

-- name: sent_by_route
select route_code, sent
from public.iu_delivery_route;

-- name: unrehearsed
select public.fn_iu_delivery_unrehearsed(%(newest)s::int) as fault;

-- name: chains
select public.fn_iu_delivery_chain_verify(%(newest)s::bigint) as answer;

-- name: present_deployment
select set_config('iu.deployment', %(deployment)s, true) as deployment;

-- name: enqueue
select public.fn_iu_delivery_enqueue(%(route_code)s, %(batch_limit)s::int, %(run_ref)s) as answer;

-- name: claim
select
    claim_id, fence, delivery_key, event_id, route_code, subject, subject_no, attempt_no, lease_seconds,
    address, headers, body
from public.fn_iu_delivery_claim(%(target)s, %(batch_limit)s::int, %(sender)s, %(run_ref)s);

-- name: claim_plan
select
    claim_id, fence, delivery_key, event_id, route_code, subject, subject_no, attempt_no, lease_seconds,
    address, headers, body
from public.fn_iu_delivery_claim_plan(%(plan_hash)s, %(batch_limit)s::int, %(sender)s, %(run_ref)s);

-- name: has_due
select public.fn_iu_delivery_has_due(%(target)s) as due;

-- name: release_shards
select public.fn_iu_delivery_shards_release(%(target)s, %(sender)s) as released;

-- name: record
select public.fn_iu_delivery_record(%(outcomes)s::jsonb) as answer;

-- name: status
select
    target, kind, routes, queued, in_flight, in_doubt, retry, held, parked, dead, counts_capped,
    held_reasons, max_per_minute, breaker, breaker_retry_at, oldest_at, next_due_at, dead_in_doubt
from public.fn_iu_delivery_status()
order by target;

-- name: dead_letters
select event_id, event_seq, route_code, target, subject, dead_at, reason, attempts
from public.fn_iu_delivery_dead_letters(%(target)s, %(row_limit)s::int)
order by event_seq desc, route_code asc;

-- name: senders
select target, sender, shards, lease_until
from public.fn_iu_delivery_senders()
order by target, sender;

-- name: why
select route_code, state, reason, since, attempts, run_ref, next_at, last_error
from public.fn_iu_delivery_why(%(event_id)s)
order by route_code;

-- name: replay
select
    public.fn_iu_delivery_replay(%(route_code)s, %(event_id)s, %(reason)s, %(out_of_order)s) as answer;

-- name: discard
select public.fn_iu_delivery_discard(%(route_code)s, %(event_id)s, %(reason)s) as answer;

-- name: retry_now
select public.fn_iu_delivery_retry_now(%(route_code)s, %(reason)s, %(event_id)s) as answer;

-- name: gate_preview
select target, route_code, held, held_capped, oldest_at, max_per_minute, drain_seconds, held_reason
from public.fn_iu_delivery_gate_preview(%(key)s, %(value)s)
order by target, route_code;
