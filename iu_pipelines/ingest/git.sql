-- The SQL of git.py.

-- name: newest_commits
select version_ref
from public.unit_version
where actor_ref = %(actor_ref)s and version_ref ~ '^([0-9a-f]{40}|[0-9a-f]{64})$'
group by version_ref
order by max(created_at) desc
limit %(max_rows)s;
