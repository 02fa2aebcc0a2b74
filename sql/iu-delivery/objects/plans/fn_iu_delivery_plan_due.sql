-- enable_seqscan and enable_bitmapscan off: due heads are locked by their places (decision 011).
create or replace function public.fn_iu_delivery_plan_due(
    plan_no int, routes int[], shards smallint[], batch_limit int, now_at timestamptz
)
returns setof public.iu_delivery
language plpgsql volatile rows 200
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    v_state public.iu_delivery_plan_state;
    v_part record;
    v_places tid [] := '{}'::tid [];
    v_after int;
    v_last int := 2147483647;
    v_low int;
    v_goes_round boolean := false;
begin
    select s.* into v_state from public.iu_delivery_plan_state as s
    where s.plan_no = fn_iu_delivery_plan_due.plan_no for no key update;
    v_after := v_state.next_no;
    v_low := v_state.low_no;
    loop
        v_part := public.fn_iu_delivery_plan_scan(
            plan_no, v_after, v_last, routes, shards, batch_limit - cardinality(v_places), now_at
        );
        v_places := v_places || coalesce(v_part.places, '{}'::tid []);
        delete from public.iu_delivery_plan_subject as s
        where s.plan_no = fn_iu_delivery_plan_due.plan_no and s.place = any (v_part.finished);
        if v_low = v_after and v_part.subjects > 0 then
            v_low := coalesce(v_part.first_left - 1, v_part.next_place);
        end if;
        v_after := coalesce(v_part.next_place, v_after);
        exit when cardinality(v_places) >= batch_limit or (v_goes_round and v_part.subjects < 500);
        -- Once round: from the first subject that is left to where this call began.
        if v_part.subjects < 500 then
            v_goes_round := true;
            v_last := v_state.next_no;
            v_after := v_low;
        end if;
    end loop;
    update public.iu_delivery_plan_state as s
    set next_no = case when cardinality(v_places) >= batch_limit then v_after else s.next_no end,
        low_no = v_low
    where s.plan_no = fn_iu_delivery_plan_due.plan_no
        and (cardinality(v_places) >= batch_limit or s.low_no <> v_low);
    return query select d.* from public.iu_delivery as d
    where d.ctid = any (v_places) for no key update skip locked;
end
$$;
comment on function public.fn_iu_delivery_plan_due(int, int[], smallint[], int, timestamptz) is
'Due heads that a drain names, in routes and shards, at most batch_limit, locked until the end of the
transaction; those that another transaction has locked are skipped. A call goes on where the last one ended,
and once round all subjects that are left. The caller holds the lock of the state of the target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_plan_due(int, int[], smallint[], int, timestamptz)', 'internal'
);
