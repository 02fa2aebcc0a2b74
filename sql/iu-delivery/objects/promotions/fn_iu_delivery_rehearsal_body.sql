create or replace function public.fn_iu_delivery_rehearsal_body(event public.event_outbox, route_no int)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
    select public.fn_iu_delivery_body(
        event, public.fn_iu_delivery_key(event.event_id, route_no),
        coalesce(event.event_subject_ref, event.event_id), 0, false
    )
$$;
comment on function public.fn_iu_delivery_rehearsal_body(public.event_outbox, int) is
'The body of a rehearsal: as for a delivery with sequence 0, with times in UTC. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_rehearsal_body(public.event_outbox, int)', 'internal'
);
