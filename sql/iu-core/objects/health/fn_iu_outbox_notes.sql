create or replace function public.fn_iu_outbox_notes()
returns text[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return array(
        select format(
            'no worker reads domain %s; enabled event types: %s, unread events: %s',
            d.event_domain, d.event_types,
            public.fn_iu_count_say(d.unread_events + d.unread_events_capped::int, d.unread_events)
        )
        from public.fn_iu_unread_domains() as d
    ) || array(
        select format('capture %s is on and not attached to %s', r.route_code, r.source_table)
        from public.iu_inbound_route as r
        where r.enabled and r.source_table <> 'iu_sql_link'
            and (select bool_and(t.is_attached) from public.fn_iu_capture_triggers(r) as t) is not true
        order by r.route_code limit 10
    );
end
$$;
comment on function public.fn_iu_outbox_notes() is
'What a reader of the health of any worker should know, one sentence each: domains that no worker reads
(fn_iu_unread_domains), and up to 10 captures that are on and not attached.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_outbox_notes()', 'inspect');
