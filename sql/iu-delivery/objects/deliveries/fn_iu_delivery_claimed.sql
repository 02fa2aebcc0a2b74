-- enable_seqscan and enable_bitmapscan off: each row is one probe of a primary key (decision 011).
create or replace function public.fn_iu_delivery_claimed(delivery_keys text[])
returns table (
    target text, run_ref text, claim_id bigint, fence int, delivery_key text, event_id uuid, route_code text,
    subject uuid, subject_no bigint, attempt_no int, lease_seconds int, address text, headers json, body text
)
language plpgsql stable security definer rows 50
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    v_places constant tid [] := array(select n.place from public.fn_iu_delivery_named(delivery_keys) as n);
begin
    perform public.fn_iu_login_require('iu_sender', 'IU201');
    return query
    select t.target_name, l.run_ref, c.claim_id, c.attempt_no, b.key, c.event_id, r.route_code, c.subject,
        c.subject_no, c.attempt_no, l.lease_seconds, t.address,
        public.fn_iu_delivery_headers(o, b.key, c.attempt_no),
        public.fn_iu_delivery_body(o, b.key, c.subject, c.subject_no, d.replayed)
    from public.iu_delivery as d
    cross join lateral (
        select i.* from public.iu_delivery_claim as i where i.claim_id = d.claim_id limit 1
    ) as c
    cross join lateral (
        select g.* from public.iu_delivery_ledger as g where g.ledger_no = c.ledger_no limit 1
    ) as l
    inner join public.iu_delivery_route as r on r.route_no = d.route_no
    inner join public.iu_delivery_target as t on t.target_no = l.target_no
    cross join lateral (select public.fn_iu_delivery_key(d.event_id, d.route_no) as key offset 0) as b
    cross join lateral (
        select e.* from public.event_outbox as e where e.event_id = d.event_id limit 1
    ) as o
    where d.ctid = any (v_places) and d.dead_at is null and l.login = session_user
    order by c.claim_id;
end
$$;
comment on function public.fn_iu_delivery_claimed(text[]) is
'The claims of the login whose outcome is not recorded, among the deliveries that keys name: what
fn_iu_delivery_claim_named returned, and the target and the run of each claim. So a later process of a run
reads what its first process claimed. Raises IU104 as fn_iu_delivery_named does, IU201 for a login that is no
sender. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_claimed(text[])', 'deliver'
);
