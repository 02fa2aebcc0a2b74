create or replace function public.fn_iu_target_refusal(
    given public.iu_delivery_target, state public.iu_delivery_target_state
)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select case
        when not public.fn_iu_gate_open(public.fn_iu_gate_key('master')) then 'master_gate_closed'
        when not public.fn_iu_gate_open(public.fn_iu_gate_key('delivery')) then 'delivery_gate_closed'
        when given.kind in ('dagster_job', 'dagster_asset')
            and not public.fn_iu_gate_open(public.fn_iu_gate_key('jobs')) then 'jobs_gate_closed'
        else public.fn_iu_target_state_refusal(given, state)
    end
    );
end
$$;
comment on function public.fn_iu_target_refusal(
    public.iu_delivery_target, public.iu_delivery_target_state
) is
'Why nothing is claimed for a target now, in one word; null if something may be. The words are:
master_gate_closed, delivery_gate_closed, jobs_gate_closed, and those of fn_iu_target_state_refusal. state is
what fn_iu_target_state_now returns. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_target_refusal(public.iu_delivery_target, public.iu_delivery_target_state)', 'internal'
);
