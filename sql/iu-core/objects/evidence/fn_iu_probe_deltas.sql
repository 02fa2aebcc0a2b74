create or replace function public.fn_iu_probe_deltas(baseline jsonb)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select string_agg(format('%s +%s', name, public.fn_iu_probe_delta(baseline, name)), ', ' order by place)
    from unnest(array['event_outbox', 'iu_route_attempt', 'iu_route_dead_letter'])
        with ordinality as n (name, place)
$$;
comment on function public.fn_iu_probe_deltas(jsonb) is
'The increase of outbox, attempts and dead letters since the baseline, as text for a line of a proof.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_probe_deltas(jsonb)', 'inspect');
