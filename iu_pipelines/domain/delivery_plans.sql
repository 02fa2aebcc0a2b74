-- The SQL of delivery_plans.py.

-- name: make
select public.fn_iu_delivery_plan_make(%(kind)s, %(filter)s::jsonb, %(reason)s) as answer;

-- name: execute
select public.fn_iu_delivery_plan_execute(%(plan_hash)s, %(batch_limit)s::int) as answer;

-- name: progress
select public.fn_iu_delivery_plan_progress(%(plan_hash)s) as answer;

-- name: has_due
select public.fn_iu_delivery_plan_has_due(%(plan_hash)s, %(or_in_flight)s) as is_due;
