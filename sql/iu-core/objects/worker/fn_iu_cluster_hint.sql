create or replace function public.fn_iu_cluster_hint(given public.iu_route_worker_cursor)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_stood constant uuid := (
        select o.event_id from public.event_outbox as o
        where o.event_id = given.cursor_event_id and o.event_domain = given.event_domain
    );
begin
    return concat_ws(' ',
        case when exists (
            select from pg_subscription_rel as s where s.srrelid = 'public.event_outbox'::regclass
        ) then 'Drop the subscription first, then seek.' end,
        case when v_stood is null and given.cursor_event_id is not null then format(
            'Event %s, on which the worker stood, is not in the outbox, so begin again:', given.cursor_event_id
        ) else 'After a restore, a clone, an upgrade or a failback go on where the worker stood:' end,
        format(
            'select fn_iu_route_worker_seek(%L, %L, ''restored'').',
            given.worker_name, coalesce(v_stood::text, 'beginning')
        ),
        'Attempts that exist are not made again.'
    );
end
$$;
comment on function public.fn_iu_cluster_hint(public.iu_route_worker_cursor) is
'The hint of IU501: the seek after which the worker goes on where it stood; from the beginning, where it
stood nowhere or its event is not in the outbox. Neither passes over an event. Reads only.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_cluster_hint(public.iu_route_worker_cursor)', 'internal'
);
