create or replace function public.fn_iu_delivery_claims_chain(
    given public.iu_delivery_target, due public.iu_delivery[], sender text, run_ref text
)
returns table (
    claim_id bigint, fence int, delivery_key text, event_id uuid, route_code text, subject uuid,
    subject_no bigint, attempt_no int, lease_seconds int, address text, headers json, body text
)
language plpgsql volatile rows 200
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_entry public.iu_delivery_ledger;
    v_from_no constant bigint := coalesce(
        pg_sequence_last_value('public.iu_delivery_claim_claim_id_seq'), 0
    );
begin
    v_entry.ledger_no := nextval('public.iu_delivery_ledger_ledger_no_seq');
    v_entry.target_no := given.target_no;
    v_entry.kind := 'claims';
    v_entry.target_version := given.target_version;
    v_entry.entries := cardinality(due);
    v_entry.sender := sender;
    v_entry.run_ref := run_ref;
    v_entry.lease_seconds := given.lease_seconds;
    return query select * from public.fn_iu_delivery_claims_write(due, given, v_entry.ledger_no);
    v_entry.entries_hash := public.fn_iu_delivery_entries_hash('claims', v_entry.ledger_no, v_from_no);
    perform public.fn_iu_delivery_ledger_append(v_entry);
end
$$;
comment on function public.fn_iu_delivery_claims_chain(
    public.iu_delivery_target, public.iu_delivery[], text, text
) is
'Claims heads that the caller has locked, and chains the intents in the ledger of the target. Returns what
fn_iu_delivery_claim returns.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_claims_chain(public.iu_delivery_target, public.iu_delivery[], text, text)',
    'internal'
);
