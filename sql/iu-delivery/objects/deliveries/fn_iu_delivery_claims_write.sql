-- enable_seqscan and enable_bitmapscan off: the deliveries are changed by their places and each event is one
-- probe, whatever the statistics say (decisions 011 and 073).
create or replace function public.fn_iu_delivery_claims_write(
    due public.iu_delivery[], given public.iu_delivery_target, ledger_no bigint
)
returns table (
    claim_id bigint, fence int, delivery_key text, event_id uuid, route_code text, subject uuid,
    subject_no bigint, attempt_no int, lease_seconds int, address text, headers json, body text
)
language plpgsql volatile rows 200
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    v_places constant tid [] := (
        select public.fn_iu_delivery_places(array_agg(a.route_no), array_agg(a.event_seq))
        from unnest(due) as a
    );
begin
    return query with route as materialized (
        select r.route_no, r.route_code, r.promotion_no from public.iu_delivery_route as r
        where r.route_no = any (array(select q.route_no from unnest(due) as q))
    ),

    -- Without a join: with the statistics of an empty table it would read the queue in the order of the join.
    claimed as (
        update public.iu_delivery as d
        set due_at = clock_timestamp() + make_interval(secs => given.lease_seconds),
            claims = d.claims + 1, doubts = d.doubts + (d.claim_id is not null)::int,
            claim_id = nextval('public.iu_delivery_claim_claim_id_seq'),
            target_version = given.target_version,
            promotion_no = (
                select r.promotion_no from route as r where r.route_no = d.route_no
            )
        where d.ctid = any (v_places)
        returning d.*
    ),

    -- Left join: a missing event raises, it is not left out.
    rendered as (
        select c.*, r.route_code, b.key,
            public.fn_iu_delivery_headers(o::public.event_outbox, b.key, c.claims) as headers,
            case
                when o.event_id is null then public.fn_iu_delivery_event_missing(c.event_id, r.route_code)
                else public.fn_iu_delivery_body(
                    o::public.event_outbox, b.key, c.subject, c.subject_no, c.replayed
                )
            end as body
        from claimed as c
        inner join route as r on r.route_no = c.route_no
        cross join lateral (select public.fn_iu_delivery_key(c.event_id, c.route_no) as key offset 0) as b
        left join lateral (
            select e.* from public.event_outbox as e where e.event_id = c.event_id limit 1
        ) as o on true
    ),

    intent as (
        insert into public.iu_delivery_claim as i (
            claim_id, ledger_no, event_seq, event_id, subject, subject_no, route_no, attempt_no,
            promotion_no, body_hash
        )
        overriding system value
        select r.claim_id, ledger_no, r.event_seq, r.event_id, r.subject, r.subject_no, r.route_no,
            r.claims, r.promotion_no, sha256(convert_to(r.body, 'UTF8'))
        from rendered as r
    )

    select r.claim_id, r.claims, r.key, r.event_id, r.route_code, r.subject, r.subject_no, r.claims,
        given.lease_seconds, given.address, r.headers, r.body
    from rendered as r
    order by r.subject_no;
end
$$;
comment on function public.fn_iu_delivery_claims_write(
    public.iu_delivery[], public.iu_delivery_target, bigint
) is
'Claims heads that the caller has locked: moves their due_at to the end of the lease, writes the intents, and
returns what fn_iu_delivery_claim returns. Raises IU604 if an event is missing.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_claims_write(public.iu_delivery[], public.iu_delivery_target, bigint)', 'internal'
);
