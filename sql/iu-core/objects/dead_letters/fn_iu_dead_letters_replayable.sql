create or replace function public.fn_iu_dead_letters_replayable(letter_limit int)
returns setof public.iu_route_dead_letter
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select l.* from public.iu_route_dead_letter as l
    where l.resolution is null
        and exists (
            select from public.iu_outbound_route as r
            inner join public.iu_outbound_route_version as v on r.route_version = v.route_version
            where r.route_code = l.route_code and r.enabled and r.dry_run
                and (
                    l.next_replay_at <= now()
                    -- If the route changed after the last attempt, a replay need not wait.
                    or v.recorded_at > coalesce((
                        select max(a.created_at) from public.iu_route_attempt_log as a
                        where a.event_id = l.event_id and a.route_no = r.route_no and a.worker_no = (
                            select n.name_no from public.iu_audit_name as n where n.name = l.worker_name
                        )
                    ), l.created_at)
                )
        )
    order by l.next_replay_at, l.dead_letter_id
    limit greatest(letter_limit, 0)
$$;
comment on function public.fn_iu_dead_letters_replayable(int) is
'Open dead letters that can succeed now, at most letter_limit, earliest due first: the route is enabled and
dry-run, and either the letter is due or its route changed after the last attempt. A letter that failed again
is not returned until it is due, so a caller cannot loop on it.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_dead_letters_replayable(int)',
    'inspect'
);
