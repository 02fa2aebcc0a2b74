create or replace function public.fn_iu_target_breaker(
    stored public.iu_delivery_target_state, sent int, faults int
)
returns public.iu_delivery_target_state
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_state public.iu_delivery_target_state := stored;
begin
    if sent > 0 then
        v_state.breaker := 'closed';
        v_state.failures := 0;
        v_state.half_open_failures := 0;
        v_state.retry_at := null;
    elsif faults > 0 then
        v_state.failures := v_state.failures + faults;
        if v_state.breaker = 'half_open' then
            v_state.half_open_failures := v_state.half_open_failures + 1;
        end if;
        if v_state.failures >= 5 then
            v_state.breaker := 'open';
            v_state.retry_at := clock_timestamp()
                + make_interval(secs => least(300, 10 * 2 ^ least(v_state.half_open_failures, 5)));
        end if;
    end if;
    return v_state;
end
$$;
comment on function public.fn_iu_target_breaker(public.iu_delivery_target_state, int, int) is
'The breaker of a target after outcomes: any success closes it; five faults in a row open it for 10 s, and for
twice as long after each failure of the one delivery that it lets through, at most 300 s. Faults are no
answer, 429 and 5xx: an answer about one event is no fault of the target. Writes nothing.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_target_breaker(public.iu_delivery_target_state, int, int)',
    'internal'
);
