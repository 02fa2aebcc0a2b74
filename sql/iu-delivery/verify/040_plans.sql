-- Proof of 040: each plan still names what its hash says.
select public.fn_iu_proof_note(
    'plans whose entries do not fit their hash, newest 100 of at most 10000 entries', 'none', coalesce((
        select string_agg(p.plan_no::text, ', ' order by p.plan_no)
        from (
            select * from public.iu_delivery_plan
            where entries <= 10000
            order by plan_no desc limit 100
        ) as p
        where
            p.plan_hash <> public.fn_iu_delivery_plan_hash(p.plan_no, p.kind, p.filter, p.reason)
            or p.entries <> (
                select count(*) from public.iu_delivery_plan_entry as e
                where e.plan_no = p.plan_no
            )
    ), 'none')
);
select public.fn_iu_proof_note('plans without a state', 'none', coalesce((
    select string_agg(p.plan_no::text, ', ' order by p.plan_no) from public.iu_delivery_plan as p
    where not exists (
        select from public.iu_delivery_plan_state as s
        where s.plan_no = p.plan_no
    )
), 'none'));
select public.fn_iu_proof_end('iu-delivery/040_plans');
