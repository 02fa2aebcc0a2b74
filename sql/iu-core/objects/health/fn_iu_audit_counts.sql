create or replace function public.fn_iu_audit_counts()
returns jsonb
language sql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select jsonb_build_object(
        'attempts', (select coalesce(sum(t.attempts), 0) from public.iu_route_attempt_tally as t),
        'dead_letters', (select count(*) from public.iu_route_dead_letter)
    )
$$;
comment on function public.fn_iu_audit_counts() is
'Numbers of attempts and dead letters: {"attempts", "dead_letters"}.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_audit_counts()', 'inspect');
