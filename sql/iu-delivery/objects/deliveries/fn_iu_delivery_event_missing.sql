create or replace function public.fn_iu_delivery_event_missing(event_id uuid, route_code text)
returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'event % of a delivery of route % is missing in the outbox', event_id, route_code using
        errcode = 'IU604',
        hint = 'It was deleted by hand: retention keeps events that are queued. Restore it from a backup.';
end
$$;
comment on function public.fn_iu_delivery_event_missing(uuid, text) is
'Always raises IU604. A query calls it for a delivery whose event is missing.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_event_missing(uuid, text)', 'internal'
);
