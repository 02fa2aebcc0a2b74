-- The SQL of configuration.py.

-- name: give_reason
select set_config('iu.config_reason', %(reason)s, true);

-- name: history
select
    noun, name, old_value, new_value, reason, changed_by, changed_at
from public.iu_config_history
where
    (%(noun)s::text is null or noun = %(noun)s)
    and (%(name)s::text is null or name = %(name)s)
order by change_no desc
limit %(max_rows)s;
