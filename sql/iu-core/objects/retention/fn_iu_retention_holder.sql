create or replace function public.fn_iu_retention_holder(event public.event_outbox)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_anchor constant public.event_outbox_cluster := public.fn_iu_cluster_newest();
    v_cursor public.iu_route_worker_cursor;
    v_letter uuid;
    v_reader text;
    v_is_read boolean := false;
    v_hold text;
    v_standing text;
begin
    for v_cursor in
        select c.* from public.iu_route_worker_cursor as c
        where c.event_domain = event.event_domain and c.retired_at is null
        order by c.cursor_kind, c.worker_name
    loop
        v_is_read := v_is_read or v_cursor.cursor_kind = 'audit';
        exit when not v_is_read;
        v_reader := case v_cursor.cursor_kind
            when 'audit' then format('worker %s', v_cursor.worker_name)
            else format('live route %s', (
                select n.name from public.iu_audit_name as n
                where n.name_no = substr(v_cursor.worker_name, 6)::int
            ))
        end;
        if not public.fn_iu_event_is_consumed(event.event_seq, event.emitted_xid, v_cursor, v_anchor) then
            return format('%s has not read it', v_reader);
        elsif v_cursor.cursor_event_id = event.event_id then
            v_standing := format('it is the last event that %s read', v_reader);
        end if;
    end loop;
    if not v_is_read then
        return format('no worker reads domain %s', event.event_domain);
    end if;
    select l.dead_letter_id into v_letter from public.iu_route_dead_letter as l
    where l.event_id = event.event_id and l.resolution is null
    order by l.dead_letter_id limit 1;
    if v_letter is not null then
        return format('dead letter %s is open', v_letter);
    end if;
    select h.reason into v_hold from public.fn_iu_retention_hold(event.event_domain) as h
    where h.event_seq <= event.event_seq;
    return coalesce(v_hold, v_standing);
end
$$;
comment on function public.fn_iu_retention_holder(public.event_outbox) is
'Why an event must stay, whatever its age, as a sentence: a worker of its domain or a live route has not read
it, no worker reads the domain (a retired one does not), it has an open dead letter, a module holds it or an
earlier one (fn_iu_retention_hold), or it is the last event of a worker or a live route (needed for a
re-anchor after a restore). Null if it may be deleted.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_retention_holder(public.event_outbox)',
    'internal'
);
