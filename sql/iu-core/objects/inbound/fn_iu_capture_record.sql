create or replace function public.fn_iu_capture_record(
    capture public.iu_inbound_route, keys text[], subjects uuid[], events jsonb
)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if not capture.dry_run and capture.on_error = 'refuse' then
        insert into public.iu_inbound_capture (
            route_code, source_table, source_op, source_ref, source_key, decision, event_id
        )
        select capture.route_code, capture.source_table, capture.source_op, r.subject, r.key, 'emitted',
            r.event_id
        from rows from (
            unnest(subjects), unnest(keys), public.fn_iu_emit_events(events)
        ) as r (subject, key, event_id);
        return;
    end if;
    -- A refused event must not fail the statement: it is recorded as refused and not emitted.
    with judged as materialized (
        select e.event, e.place, r.error_code, r.error_detail
        from jsonb_array_elements(events) with ordinality as e (event, place)
        cross join lateral public.fn_iu_capture_refusal(e.event) as r
    ),
    emitted as materialized (
        select o.event_id, o.place
        from (
            select jsonb_agg(j.event order by j.place) as events from judged as j
            where j.error_code is null and not capture.dry_run
            having count(*) > 0
        ) as good
        cross join lateral public.fn_iu_emit_events(good.events) with ordinality as o (event_id, place)
    )
    insert into public.iu_inbound_capture (
        route_code, source_table, source_op, source_ref, source_key, decision, event_id, error_code,
        error_detail
    )
    select capture.route_code, capture.source_table, capture.source_op, subjects[j.place], keys[j.place],
        case
            when j.error_code is not null then 'refused'
            when capture.dry_run then 'dry_run'
            else 'emitted'
        end, emitted.event_id, j.error_code, j.error_detail
    from (
        select judged.*, case when error_code is null then
            count(*) filter (where error_code is null) over (order by place)
        end as good_place
        from judged
    ) as j
    left join emitted on emitted.place = j.good_place
    order by j.place;
end
$$;
comment on function public.fn_iu_capture_record(public.iu_inbound_route, text[], uuid[], jsonb) is
'Records captured changes and emits their events, in the mode of the capture. Raises the errors of
fn_iu_emit_events only if on_error is refuse; a dry run records what would have been refused.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_record(public.iu_inbound_route, text[], uuid[], jsonb)',
    'internal'
);
