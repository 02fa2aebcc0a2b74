create or replace function public.fn_iu_delivery_chain_verify(newest bigint default null)
returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
    v_batches jsonb := public.fn_iu_delivery_batches_verify(newest);
    v_ledger jsonb := public.fn_iu_delivery_ledger_verify(newest);
    v_to_claim constant bigint := (select max(c.claim_id) from public.iu_delivery_claim as c);
    v_claim bigint := case when newest is null
        then (select min(c.claim_id) from public.iu_delivery_claim as c) else v_to_claim - newest + 1 end;
    v_unpromoted bigint;
    v_fault text := coalesce(v_batches ->> 'fault', v_ledger ->> 'fault');
begin
    while v_fault is null and v_claim <= v_to_claim loop
        v_unpromoted := (
            select u from public.fn_iu_delivery_unpromoted(v_claim, v_claim + 99999) as u limit 1
        );
        if v_unpromoted is not null then
            v_fault := format('claim %s was made without a valid promotion', v_unpromoted);
        end if;
        v_claim := v_claim + 100000;
    end loop;
    return jsonb_build_object(
        'fits', v_fault is null, 'batches', v_batches -> 'batches', 'ledger_rows', v_ledger -> 'ledger_rows',
        'entries', v_ledger -> 'entries', 'fault', v_fault
    );
end
$$;
comment on function public.fn_iu_delivery_chain_verify(bigint) is
'Recomputes the chains of deliveries: the batches of each route to the end in its cursor; the ledger of each
target to the end in its state, with the hash of the claims, outcomes and decisions of each row; and whether
each claim had a valid promotion. newest: only so many of the newest rows of each; null: all. The first
remaining row continues the newest round of retention. Returns {"fits", "batches", "ledger_rows", "entries"
(how many were checked), "fault" (a sentence about the first that is wrong)}. Reads one snapshot; takes no
lock.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_chain_verify(bigint)', 'explain'
);
