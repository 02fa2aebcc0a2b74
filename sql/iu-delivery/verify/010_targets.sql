-- Proof of 010: each target has a state, 64 shards, and the version that describes it.
select public.fn_iu_proof_note('targets without a state or a shard', 'none', coalesce((
    select string_agg(t.target_name, ', ' order by t.target_name) from public.iu_delivery_target as t
    where not exists (
        select from public.iu_delivery_target_state as s
        where s.target_no = t.target_no
    )
    or (
        select count(*) from public.iu_delivery_shard as h
        where h.target_no = t.target_no
    ) <> 64
), 'none'));
select public.fn_iu_proof_note('targets that differ from their version', 'none', coalesce((
    select string_agg(t.target_name, ', ' order by t.target_name) from public.iu_delivery_target as t
    left join public.iu_delivery_target_version as v on v.target_version = t.target_version
    where
        v.target_no is distinct from t.target_no
        or v.definition is distinct from to_jsonb(t) - '{enabled, target_version}'::text[]
), 'none'));
select public.fn_iu_proof_end('iu-delivery/010_targets');
