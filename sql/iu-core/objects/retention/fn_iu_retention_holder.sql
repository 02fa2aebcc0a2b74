create or replace function public.fn_iu_retention_holder(event public.event_outbox)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_anchor constant public.event_outbox_cluster := public.fn_iu_cluster_newest();
    v_cursor public.iu_route_worker_cursor;
    v_letter uuid;
    v_hold text;
begin
    if not exists (
        select from public.iu_route_worker_cursor as c
        where c.event_domain = event.event_domain and c.retired_at is null and c.cursor_kind = 'audit'
    ) then
        return format('no worker reads domain %s', event.event_domain);
    end if;
    select c.* into v_cursor from public.iu_route_worker_cursor as c
    where c.event_domain = event.event_domain and c.retired_at is null
        and not public.fn_iu_event_is_consumed(event.event_seq, event.emitted_xid, c, v_anchor)
    order by c.cursor_kind, c.worker_name limit 1;
    if found then
        return format('%s has not read it', public.fn_iu_cursor_reader(v_cursor));
    end if;
    select l.dead_letter_id into v_letter from public.iu_route_dead_letter as l
    where l.event_id = event.event_id and l.resolution is null
    order by l.dead_letter_id limit 1;
    if v_letter is not null then
        return format('dead letter %s is open', v_letter);
    end if;
    select h.reason into v_hold from public.fn_iu_retention_hold(event.event_domain) as h
    where h.event_seq <= event.event_seq;
    if v_hold is not null then
        return v_hold;
    end if;
    select c.* into v_cursor from public.iu_route_worker_cursor as c
    where c.event_domain = event.event_domain and c.retired_at is null and c.cursor_event_id = event.event_id
    order by c.cursor_kind desc, c.worker_name desc limit 1;
    return case when found then format(
        'it is the last event that %s read', public.fn_iu_cursor_reader(v_cursor)
    ) end;
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
