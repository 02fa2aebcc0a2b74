create or replace function public.fn_iu_promotion_anchor()
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select c.system_identifier || '/' || a.anchor_key
        from pg_control_system() as c
        inner join public.event_outbox_cluster as a
            on a.anchor_no = (select max(k.anchor_no) from public.event_outbox_cluster as k)
        where (select s.difference is null from public.fn_iu_cluster_state(null) as s)
    );
end
$$;
comment on function public.fn_iu_promotion_anchor() is
'The database cluster and the anchor of the outbox, as text; null if they do not match (fn_iu_cluster_state),
as after a restore. A promotion is valid only where it was proposed. Read-only.';
select public.fn_iu_object_declare('iu-delivery', 'function', 'public.fn_iu_promotion_anchor()', 'internal');
