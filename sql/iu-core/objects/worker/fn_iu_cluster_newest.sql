create or replace function public.fn_iu_cluster_newest()
returns public.event_outbox_cluster
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_newest public.event_outbox_cluster;
begin
    select a.* into v_newest from public.event_outbox_cluster as a order by a.anchor_no desc limit 1;
    return v_newest;
end
$$;
comment on function public.fn_iu_cluster_newest() is
'The newest anchor of the outbox: the database cluster and table to which its transaction ids belong, and the
event_seq up to which events came with a restore. Read-only.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_cluster_newest()', 'internal');
