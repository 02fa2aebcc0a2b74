-- The inbox of deliveries in a database that receives them, for a target of kind postgres.
-- Run it once in that database. Then give a login of its own the right to add rows and no other:
--     grant insert, select (delivery_key) on public.iu_inbox to LOGIN;
-- A delivery that comes twice has the same key, so it makes one row. A trigger on the table runs once for
-- each row, in the transaction that adds it: the effect of the trigger is exactly once, too.
create table if not exists public.iu_inbox (
    delivery_key text not null,
    event_id uuid not null,
    event_type text not null,
    subject uuid not null,
    sequence bigint not null,
    replayed boolean not null,
    headers jsonb not null,
    body jsonb not null,
    received_at timestamptz not null default clock_timestamp(),
    constraint iu_inbox_pkey primary key (delivery_key)
);
comment on table public.iu_inbox is
'Deliveries of iu_pipelines: one row for each event and route. sequence increases within a subject.';
create index if not exists iu_inbox_subject on public.iu_inbox (subject, sequence);
revoke all on public.iu_inbox from public;
