-- enable_seqscan off: each probe is the first index entry from an event_seq on (decision 011).
create or replace function public.fn_iu_retention_misdated(event public.event_outbox, days int)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
declare
    v_ahead interval := event.created_at - clock_timestamp();
    v_later timestamptz;
begin
    if v_ahead > '1 minute' then
        return format('it is dated in the future, by %s', justify_interval(date_trunc('second', v_ahead)));
    end if;
    -- Look at the next event and at those 2, 4, 8, … numbers later: a clock that was ahead for a while
    -- misdates many events in a row, and one of these probes finds an event after them (decision 040).
    select min(o.created_at) into v_later
    from generate_series(0, 40) as power (of_two)
    cross join lateral (
        select e.created_at from public.event_outbox as e
        where e.event_domain = event.event_domain
            and e.event_seq >= event.event_seq + (1::bigint << power.of_two)
        order by e.event_seq limit 1
    ) as o;
    if v_later < clock_timestamp() - make_interval(days => days + 1) then
        return format(
            'it is dated %s later than an event that was emitted after it',
            justify_interval(date_trunc('second', event.created_at - v_later))
        );
    end if;
    return null;
end
$$;
comment on function public.fn_iu_retention_misdated(public.event_outbox, int) is
'What is wrong with the date of an event that is younger than the given number of days, as a sentence: it is
in the future, or an event emitted after it has been due for a day. Null if neither is found. At most 41
index probes. Read-only.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_retention_misdated(public.event_outbox, int)',
    'internal'
);
