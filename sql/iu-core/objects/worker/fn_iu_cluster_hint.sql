create or replace function public.fn_iu_cluster_hint(given public.iu_route_worker_cursor)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_last_event_id constant uuid := (
        select o.event_id from public.event_outbox as o
        where o.event_id = given.cursor_event_id and o.event_domain = given.event_domain
    );
begin
    return concat_ws(' ',
        case when exists (
            select from pg_subscription_rel as s where s.srrelid = 'public.event_outbox'::regclass
        ) then 'Drop the subscription first, then seek.' end,
        case
            when given.cursor_event_id is null then 'The cursor is at the beginning. Continue there with:'
            when v_last_event_id is null then format(
                'Event %s, the last that the worker read, is not in the outbox. Read again from the '
                'beginning with:', given.cursor_event_id
            )
            else 'Continue after the last event that the worker read, with:'
        end,
        format(
            'select fn_iu_route_worker_seek(%L, %L, ''restored'').',
            given.worker_name, coalesce(v_last_event_id::text, 'beginning')
        ),
        'Existing attempts are not repeated.'
    );
end
$$;
comment on function public.fn_iu_cluster_hint(public.iu_route_worker_cursor) is
'The hint of IU501: the seek that continues after the last event that the worker read, or at the beginning if
the cursor has no last event or that event is not in the outbox. Neither skips an event. Read-only.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_cluster_hint(public.iu_route_worker_cursor)', 'internal'
);
