create or replace function public.fn_iu_probe_counts()
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select jsonb_build_object(
        'own_events', public.fn_iu_probe_own_events(),
        'iu_route_attempt', t.attempts,
        'iu_route_dead_letter', (select count(*) from public.iu_route_dead_letter),
        'failed', t.failed,
        'sent', t.sent
    )
    from (
        select
            coalesce(sum(attempts), 0) as attempts,
            coalesce(sum(failed), 0) as failed,
            coalesce(sum(sent), 0) as sent
        from public.iu_route_attempt_tally
    ) as t
$$;
comment on function public.fn_iu_probe_counts() is
'Counts that a probe compares: {"own_events" (of this transaction), "iu_route_attempt",
"iu_route_dead_letter", "failed", "sent"}; the last two are attempts with that decision.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_probe_counts()', 'inspect');
