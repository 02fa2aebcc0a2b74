create or replace function public.fn_iu_sent_tally()
returns table (modules int, sent bigint, unpromoted bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select m.modules, m.sent + core.sent, m.unpromoted + core.sent
    from public.fn_iu_modules_sent_tally() as m
    cross join (
        select coalesce(sum(t.sent), 0)::bigint as sent from public.iu_route_attempt_tally as t
    ) as core
$$;
comment on function public.fn_iu_sent_tally() is
'What was sent: sent counts everything, unpromoted what was sent without a valid promotion. Both include the
attempts of workers with decision sent, which the core never makes. modules is the number of modules that can
send; 0: nothing can.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_sent_tally()', 'inspect');
