create or replace function public.fn_iu_cluster_require(worker_name text, system_identifier bigint)
returns bigint
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_here bigint;
    v_anchored bigint;
    v_restored bigint;
begin
    -- One statement and no call of fn_iu_cluster_newest, for this runs with every batch.
    select here.system_identifier, a.system_identifier, a.restored_seq into v_here, v_anchored, v_restored
    from pg_control_system() as here
    left join lateral (
        select c.* from public.event_outbox_cluster as c order by c.anchor_no desc limit 1
    ) as a on true;
    if v_here is distinct from v_anchored or v_here is distinct from system_identifier then
        raise exception 'the cursor of worker % belongs to database cluster %, this is %',
            worker_name, coalesce(system_identifier, v_anchored), v_here using
            errcode = 'IU501',
            hint = format(
                'A restore or a clone. Re-anchor it on the last event it had: '
                'select fn_iu_route_worker_seek(%L, %L, ''restored''). '
                'Attempts that exist are not made again.', worker_name, coalesce(
                    (
                        select c.cursor_event_id::text from public.iu_route_worker_cursor as c
                        where c.worker_name = fn_iu_cluster_require.worker_name
                    ), 'beginning'
                )
            );
    end if;
    return v_restored;
end
$$;
comment on function public.fn_iu_cluster_require(text, bigint) is
'Raises IU501 where this database cluster is not the one that the outbox and the cursor were last
anchored in. Returns the event_seq up to which events came by a restore: their transaction ids
mean nothing here.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_cluster_require(text, bigint)',
    'internal'
);
