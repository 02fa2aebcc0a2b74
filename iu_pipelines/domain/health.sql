-- The SQL of health.py.

-- name: read
select public.fn_iu_route_worker_health(%(worker_name)s) as answer;
