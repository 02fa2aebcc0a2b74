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
'First call of a probe, before its transaction: checks that no row has its mark (fn_iu_probe_trace) and
reports fn_iu_probe_rows. Stores the configuration in the session setting iu.probe_settings for
fn_iu_probe_close.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_probe_open(text)', 'internal');
