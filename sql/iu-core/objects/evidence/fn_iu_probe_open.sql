create or replace function public.fn_iu_probe_open()
returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select set_config('iu.probe_settings', public.fn_iu_probe_settings()::text, false)
$$;
comment on function public.fn_iu_probe_open() is
'The first call of a probe, before its transaction: remembers in the setting iu.probe_settings of
the session what steers the engine, for fn_iu_probe_close to hold against what is there
afterwards.';

create or replace function public.fn_iu_probe_close(mark text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_before jsonb := current_setting('iu.probe_settings')::jsonb;
    v_after jsonb := public.fn_iu_probe_settings();
begin
    perform public.fn_iu_proof_note('POST-ROLLBACK what the probe left', 'nothing', public.fn_iu_probe_trace(mark));
    perform public.fn_iu_proof_note(
        'POST-ROLLBACK gates, routes, event types, safety check', 'as before',
        coalesce((
            select 'changed: ' || string_agg(a.key, ', ' order by a.key)
            from jsonb_each(v_after) as a where a.value is distinct from v_before -> a.key
        ), 'as before')
    );
end
$$;
comment on function public.fn_iu_probe_close(text) is
'The last lines of a probe, after its rollback: what rows with its mark are there
(fn_iu_probe_trace), and whether what steers the engine is as it was at fn_iu_probe_open. The
caller closes with fn_iu_proof_end.';
