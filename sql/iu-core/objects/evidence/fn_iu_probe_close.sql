create or replace function public.fn_iu_probe_close(mark text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_before jsonb := current_setting('iu.probe_settings')::jsonb;
    v_after jsonb := public.fn_iu_probe_settings();
begin
    raise notice 'rows after: %', public.fn_iu_probe_rows();
    perform public.fn_iu_proof_note(
        'POST-ROLLBACK what the probe left', 'nothing', public.fn_iu_probe_trace(mark)
    );
    perform public.fn_iu_proof_note(
        'POST-ROLLBACK settings and routes', 'as before',
        coalesce((
            select 'changed: ' || string_agg(b.key, ', ' order by b.key)
            from jsonb_each(v_before) as b where b.value is distinct from v_after -> b.key
        ), 'as before')
    );
end
$$;
comment on function public.fn_iu_probe_close(text) is
'Last lines of a probe, after its rollback: checks that no row has its mark (fn_iu_probe_trace) and that the
configuration is as it was at fn_iu_probe_open. Reports fn_iu_probe_rows, which concurrent sessions can
change. Call fn_iu_proof_end afterwards.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_probe_close(text)', 'internal');
