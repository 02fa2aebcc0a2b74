-- The SQL of postgres.py.

-- name: insert
insert into public.iu_inbox (
    delivery_key, event_id, event_type, subject, sequence, replayed, headers, body
)
select
    %(key)s, %(event_id)s, coalesce(b.body ->> 'type', ''), %(subject)s, %(subject_no)s,
    coalesce(b.body -> 'replayed' = 'true', false), %(headers)s, b.body
from (select cast(%(body)s as jsonb) as body) as b
on conflict (delivery_key) do nothing;

-- name: constraints
set constraints all immediate;
