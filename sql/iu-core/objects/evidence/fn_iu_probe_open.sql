create or replace function public.fn_iu_probe_open(mark text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform set_config('iu.probe_settings', public.fn_iu_probe_settings()::text, false);
    raise notice 'rows before: %', public.fn_iu_probe_rows();
    perform public.fn_iu_proof_note(
        'BEFORE what is there of the probe', 'nothing', public.fn_iu_probe_trace(mark)
    );
end
$$;
comment on function public.fn_iu_probe_open(text) is
'The first call of a probe, before its transaction: one line of proof that no row bears its mark
(fn_iu_probe_trace), and a notice with fn_iu_probe_rows. Remembers in the setting iu.probe_settings
of the session what steers the engine, for fn_iu_probe_close to hold against what is there
afterwards.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_probe_open(text)', 'internal');
