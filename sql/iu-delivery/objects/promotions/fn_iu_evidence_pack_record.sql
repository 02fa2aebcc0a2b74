create or replace function public.fn_iu_evidence_pack_record(pack_hash text, passed boolean)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_no bigint;
begin
    perform public.fn_iu_name_require(
        'pack_hash', pack_hash, '^[0-9a-f]{64}$', 'Give the sha256 of the pack: 64 hexadecimal digits.'
    );
    perform public.fn_iu_argument_require('passed', passed::text, 5);
    lock table public.iu_evidence_pack in share row exclusive mode;
    insert into public.iu_evidence_pack (pack_hash, passed, previous_hash, row_hash)
    values (decode(pack_hash, 'hex'), passed, '', '')
    returning pack_no into v_no;
    return v_no;
end
$$;
comment on function public.fn_iu_evidence_pack_record(text, boolean) is
'Adds an evidence pack, its sha256 in hexadecimal digits and its verdict, to the ledger of packs, and returns
its number. iu evidence calls it when a pack is complete. Raises IU104. Packs are added one after the other.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_evidence_pack_record(text, boolean)', 'attest'
);
