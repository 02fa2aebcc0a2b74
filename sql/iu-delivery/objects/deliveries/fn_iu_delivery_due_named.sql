-- enable_seqscan and enable_bitmapscan off: due heads are locked by their places (decision 011).
create or replace function public.fn_iu_delivery_due_named(
    delivery_keys text[], routes int[], batch_limit int, now_at timestamptz
)
returns setof public.iu_delivery
language plpgsql volatile rows 50
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    v_places constant tid [] := array(select n.place from public.fn_iu_delivery_named(delivery_keys) as n);
begin
    return query select d.* from public.iu_delivery as d
    where d.ctid = any (v_places) and d.route_no = any (routes) and d.is_head and d.dead_at is null
        and d.due_at <= now_at
    order by d.due_at, d.subject_no limit batch_limit for no key update skip locked;
end
$$;
comment on function public.fn_iu_delivery_due_named(text[], int[], int, timestamptz) is
'The due heads of routes that keys name, at most batch_limit, locked until the end of the transaction; those
that another transaction has locked are skipped. Raises IU104 as fn_iu_delivery_named does.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_due_named(text[], int[], int, timestamptz)', 'internal'
);
