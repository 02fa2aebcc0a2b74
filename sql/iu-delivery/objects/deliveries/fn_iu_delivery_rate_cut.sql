-- enable_seqscan, enable_hashjoin and enable_mergejoin off: each promotion is one probe, however many
-- ended ones there are (decision 011).
create or replace function public.fn_iu_delivery_rate_cut(
    due public.iu_delivery[], routes int[], now_at timestamptz
)
returns public.iu_delivery[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_variable
declare
    v_due public.iu_delivery [] := due;
    v_bucket record;
    v_wanted int;
begin
    for v_bucket in
        select r.route_no, public.fn_iu_target_tokens(
            r.tokens, r.refilled_at, p.max_per_minute, now_at
        ) as tokens
        from public.iu_delivery_route as r
        inner join public.iu_route_promotion as p on p.promotion_no = r.promotion_no
        where r.route_no = any (routes) and p.max_per_minute is not null
        order by r.route_no
    loop
        v_due := array(
            select d from (
                select d, row_number() over (partition by d.route_no order by d.due_at, d.subject_no) as place
                from unnest(v_due) as d
            ) as q (d, place)
            where (q.d).route_no <> v_bucket.route_no or q.place <= floor(v_bucket.tokens)
        );
        v_wanted := (select count(*) from unnest(v_due) as d where d.route_no = v_bucket.route_no);
        update public.iu_delivery_route as r
        set tokens = v_bucket.tokens - v_wanted, refilled_at = now_at
        where r.route_no = v_bucket.route_no and v_wanted > 0;
    end loop;
    return v_due;
end
$$;
comment on function public.fn_iu_delivery_rate_cut(public.iu_delivery[], int[], timestamptz) is
'The due heads that the rates of the promotions allow now; takes their tokens. A head that is left out stays
due. The caller holds the lock of the state of the target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_rate_cut(public.iu_delivery[], int[], timestamptz)',
    'internal'
);
