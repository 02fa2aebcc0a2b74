create or replace function public.fn_iu_probe_delta(baseline jsonb, name text)
returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select case name
        when 'event_outbox' then public.fn_iu_probe_own_events() - (baseline ->> 'own_events')::bigint
        when 'iu_route_dead_letter'
        then (select count(*) from public.iu_route_dead_letter) - (baseline ->> name)::bigint
        else (
            select coalesce(sum(
                case name
                    when 'iu_route_attempt' then t.attempts
                    when 'failed' then t.failed
                    when 'sent' then t.sent
                end
            ), 0)
            from public.iu_route_attempt_tally as t
        ) - (baseline ->> name)::bigint
    end
$$;
comment on function public.fn_iu_probe_delta(jsonb, text) is
'The increase of one of the counts of fn_iu_probe_counts since the baseline. For the outbox it counts the
events of this transaction only: it has one snapshot, so no other new event is visible.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_probe_delta(jsonb, text)', 'inspect');
