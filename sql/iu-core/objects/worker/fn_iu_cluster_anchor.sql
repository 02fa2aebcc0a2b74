create or replace function public.fn_iu_cluster_anchor()
returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_here bigint := (select c.system_identifier from pg_control_system() as c);
begin
    if v_here = (public.fn_iu_cluster_newest()).system_identifier then
        return v_here;
    end if;
    -- nobody emits in this moment, so that all up to the last event came by the restore or is committed
    lock table public.event_outbox in share row exclusive mode;
    insert into public.event_outbox_cluster (system_identifier, restored_seq)
    select v_here, coalesce(max(o.event_seq), 0) from public.event_outbox as o
    having v_here is distinct from (public.fn_iu_cluster_newest()).system_identifier;
    return v_here;
end
$$;
comment on function public.fn_iu_cluster_anchor() is
'Anchors the outbox in this database cluster, where it is another than the last one: all events
there are count as restored. Waits for emitters under way, once. Returns the cluster''s system
identifier.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_cluster_anchor()', 'internal');
