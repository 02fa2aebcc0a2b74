-- The SQL of gates.py.

-- name: list_gates
select
    key, value, is_open, description, updated_at, updated_by
from public.fn_iu_gate_list();

-- name: list_settings
select
    key, value, description, updated_at, updated_by
from public.dot_config
where key not in (select gate.key from public.fn_iu_gate_list() as gate)
order by key;

-- name: set_gate
select public.fn_iu_gate_set(%(key)s, %(value)s, %(reason)s) as answer;

-- name: history
select
    key, old_value, new_value, reason, changed_by, changed_at
from public.dot_config_history
where %(key)s::text is null or key = %(key)s
order by change_no desc
limit %(max_rows)s;
