-- enable_seqscan off: the event is the first entry of a range of event_outbox_by_xid, whatever the statistics
-- say (decision 011).
create or replace function public.fn_iu_cluster_event_ahead(event_domain text, restored_seq bigint)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
declare
    v_here constant xid8 := pg_snapshot_xmax(pg_current_snapshot());
begin
    return (
        select format(
            'transaction %s emitted event %s, but the snapshots of this server end at %s',
            o.emitted_xid, o.event_id, v_here
        )
        from public.event_outbox as o
        where o.event_domain collate "POSIX" = fn_iu_cluster_event_ahead.event_domain
            and o.emitted_xid >= v_here
            and o.event_seq > fn_iu_cluster_event_ahead.restored_seq
            and o.emitted_xid is distinct from pg_current_xact_id_if_assigned()
        order by o.emitted_xid, o.event_seq limit 1
    );
end
$$;
comment on function public.fn_iu_cluster_event_ahead(text, bigint) is
'A message about the first event of the domain after restored_seq whose transaction id is ahead of this
server; null if there is none. Read-only.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_cluster_event_ahead(text, bigint)', 'inspect'
);
