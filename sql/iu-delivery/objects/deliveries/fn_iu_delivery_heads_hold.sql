-- enable_seqscan and enable_bitmapscan off: heads are found by their index and locked by their place,
-- whatever the statistics say (decision 011).
create or replace function public.fn_iu_delivery_heads_hold(route_no int, subjects uuid[])
returns uuid[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    v_asked constant uuid [] := array(select distinct s from unnest(subjects) as s);
    v_held uuid [] := '{}'::uuid [];
    v_heads uuid [];
    v_places tid [];
begin
    -- A head can be replaced by the next delivery of its subject while the lock is waited for, and the
    -- statement that waits does not see the new head. So look again until every head is held (decision 073).
    -- The order of the locks is that of fn_iu_delivery_record, so that neither waits for the other in a
    -- circle. A new head may come before heads that are held: the end of the block releases these, and they
    -- are locked again.
    loop
        select array_agg(h.subject order by h.subject), array_agg(h.place) into v_heads, v_places
        from unnest(v_asked) as s (subject)
        cross join lateral (
            select d.subject, d.ctid as place from public.iu_delivery as d
            where (d.route_no + 0) = fn_iu_delivery_heads_hold.route_no and d.subject = s.subject
                and d.is_head
            limit 1
        ) as h;
        if v_heads is null then
            return '{}'::uuid [];
        end if;
        begin
            -- A condition that no index has, which is tested again after a wait.
            v_held := array(
                select d.subject from public.iu_delivery as d
                where d.ctid = any (v_places) and coalesce(d.is_head, false)
                order by d.event_seq for key share
            );
            -- A head that is held stays one.
            if cardinality(v_held) = cardinality(v_heads) then
                return v_held;
            end if;
            raise exception using errcode = 'serialization_failure';
        exception
            when serialization_failure then
                null;
        end;
    end loop;
end
$$;
comment on function public.fn_iu_delivery_heads_hold(int, uuid[]) is
'The subjects among those given that have a head, locked until the end of the transaction so that none of them
is settled. The caller holds the lock of the cursor of the route, so that no head is added. Waits for
transactions that settle one of them.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_heads_hold(int, uuid[])', 'internal'
);
