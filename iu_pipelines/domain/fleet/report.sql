-- The SQL of report.py.

-- name: open_letters
select count(*) as letters
from (
    select 1 as one
    from public.iu_route_dead_letter
    where resolution is null
    order by next_replay_at, dead_letter_id
    limit %(counted)s
) as open;
