-- enable_seqscan, enable_bitmapscan and enable_sort off: rows are read in the order of their index (decision
-- 011).
create or replace function public.fn_iu_delivery_ledger_misfit(from_no bigint)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
    v_target record;
    v_found record;
begin
    for v_target in
        select s.target_no, t.target_name, s.last_ledger_hash, coalesce((
            select h.through_hash from public.iu_delivery_retention_history as h
            where h.target_no = s.target_no order by h.retention_no desc limit 1
        ), '\x') as anchor_hash, coalesce((
            select l.row_hash from public.iu_delivery_ledger as l where l.target_no = s.target_no
            order by l.ledger_no desc limit 1
        ), '') as last_hash
        from public.iu_delivery_target_state as s
        inner join public.iu_delivery_target as t on t.target_no = s.target_no
        order by s.target_no
    loop
        select min(b.ledger_no) filter (
                where b.row_hash <> public.fn_iu_delivery_ledger_hash(b.l)
            ) as altered_no,
            min(b.ledger_no) filter (where b.previous_hash <> b.expected_hash) as unlinked_no
        into v_found
        from (
            select l, l.ledger_no, l.row_hash, l.previous_hash, lag(
                l.row_hash, 1, case when from_no = 0 then v_target.anchor_hash else l.previous_hash end
            ) over (order by l.ledger_no) as expected_hash
            from public.iu_delivery_ledger as l
            where l.target_no = v_target.target_no and l.ledger_no >= from_no
        ) as b;
        if v_found.altered_no <= v_found.unlinked_no
            or (v_found.altered_no is not null and v_found.unlinked_no is null) then
            return format('row %s of the ledger was altered', v_found.altered_no);
        elsif v_found.unlinked_no is not null then
            return format(
                'row %s of the ledger does not follow the one before: one was deleted or moved',
                v_found.unlinked_no
            );
        elsif coalesce(nullif(v_target.last_hash, ''), v_target.anchor_hash) <> v_target.last_ledger_hash then
            return format(
                'the state of target %s has the hash of a row of the ledger that was deleted',
                v_target.target_name
            );
        end if;
    end loop;
    return null;
end
$$;
comment on function public.fn_iu_delivery_ledger_misfit(bigint) is
'The first row of the ledger from a number on that was altered or does not follow the one before it, as a
sentence; null if each chain is whole to the end in iu_delivery_target_state. From 0: the first row of a
target continues its newest round of retention.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_ledger_misfit(bigint)', 'internal'
);
