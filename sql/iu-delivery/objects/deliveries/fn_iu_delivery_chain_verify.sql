create or replace function public.fn_iu_delivery_chain_verify(newest bigint default null)
returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
    v_batches jsonb;
    v_ledger jsonb;
    v_claim bigint;
    v_to_claim bigint;
    v_unpromoted bigint;
    v_fault text;
begin
    perform public.fn_iu_delivery_newest_require(newest);
    v_batches := public.fn_iu_delivery_batches_verify(newest);
    v_ledger := public.fn_iu_delivery_ledger_verify(newest);
    v_fault := coalesce(v_batches ->> 'fault', v_ledger ->> 'fault');
    select greatest(min(c.claim_id), max(c.claim_id) - newest + 1), max(c.claim_id) into v_claim, v_to_claim
    from public.iu_delivery_claim as c;
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
(how many were checked), "fault" (a sentence about the first that is wrong)}. Raises IU104 if newest is below
1. Reads one snapshot; takes no lock.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_chain_verify(bigint)', 'explain'
);
