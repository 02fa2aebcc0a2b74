-- Proof of 010: the tables of targets are there, and each target has a state and its newest version.
select public.fn_iu_proof_note('targets without a state', 'none', coalesce((
    select string_agg(t.target_name, ', ' order by t.target_name) from public.iu_delivery_target as t
    where not exists (
        select from public.iu_delivery_target_state as s where s.target_no = t.target_no
    )
), 'none'));
select public.fn_iu_proof_end('iu-delivery/010_targets');
