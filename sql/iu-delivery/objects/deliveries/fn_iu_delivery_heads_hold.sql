-- enable_seqscan off: heads are looked up by their index, whatever the statistics say (decision 011).
create or replace function public.fn_iu_delivery_heads_hold(route_no int, subjects uuid[])
returns uuid[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    v_held uuid [] := '{}';
    v_missing boolean;
begin
    -- A head can be replaced by the next delivery of its subject while this statement waits for its lock, and
    -- the statement does not see the new head. So look again until every head is held (decision 070). The order
    -- of the locks is that of fn_iu_delivery_record, so that neither waits for the other in a circle.
    loop
        v_held := array(
            select h.subject from public.iu_delivery as h
            where h.route_no = fn_iu_delivery_heads_hold.route_no and h.subject = any (subjects) and h.is_head
            order by h.event_seq for key share
        );
        select coalesce(bool_or(not h.subject = any (v_held)), false) into v_missing
        from public.iu_delivery as h
        where h.route_no = fn_iu_delivery_heads_hold.route_no and h.subject = any (subjects) and h.is_head;
        exit when not v_missing;
    end loop;
    return v_held;
end
$$;
comment on function public.fn_iu_delivery_heads_hold(int, uuid[]) is
'The subjects among those given that have a head, locked until the end of the transaction so that none of them
is settled. The caller holds the lock of the cursor of the route, so that no head is added. Waits for
transactions that settle one of them.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_heads_hold(int, uuid[])', 'internal'
);
