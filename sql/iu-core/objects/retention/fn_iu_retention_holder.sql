create or replace function public.fn_iu_retention_holder(event public.event_outbox)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_anchor constant public.event_outbox_cluster := public.fn_iu_cluster_newest();
    v_cursor public.iu_route_worker_cursor;
    v_letter uuid;
    v_standing text;
begin
    for v_cursor in
        select c.* from public.iu_route_worker_cursor as c
        where c.event_domain = event.event_domain and c.retired_at is null order by c.worker_name
    loop
        if not public.fn_iu_event_is_consumed(event.event_seq, event.emitted_xid, v_cursor, v_anchor) then
            return format('worker %s has not read it', v_cursor.worker_name);
        elsif v_cursor.cursor_event_id = event.event_id then
            v_standing := format('it is the last event that worker %s read', v_cursor.worker_name);
        end if;
    end loop;
    if not found then
        return format('no worker reads domain %s', event.event_domain);
    end if;
    select l.dead_letter_id into v_letter from public.iu_route_dead_letter as l
    where l.event_id = event.event_id and l.resolution is null
    order by l.dead_letter_id limit 1;
    return case when v_letter is null then v_standing else format('dead letter %s is open', v_letter) end;
end
$$;
comment on function public.fn_iu_retention_holder(public.event_outbox) is
'Why an event must stay, whatever its age, as a sentence: a worker of its domain has not read it, no worker
reads the domain (a retired one does not), it has an open dead letter, or it is the last event of a worker
(needed for a re-anchor after a restore). Null if it may be deleted.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_retention_holder(public.event_outbox)',
    'internal'
);
