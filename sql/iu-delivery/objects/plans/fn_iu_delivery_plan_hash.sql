create or replace function public.fn_iu_delivery_plan_hash(
    plan_no int, kind text, filter jsonb, reason text
)
returns bytea
language sql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select sha256(
        convert_to(jsonb_build_array(kind, filter, reason)::text, 'UTF8') || '\x0a' || coalesce(string_agg(
            int4send(e.route_no) || int8send(e.event_seq) || uuid_send(e.event_id), ''::bytea
            order by e.entry_no
        ), '')
    )
    from public.iu_delivery_plan_entry as e
    where e.plan_no = fn_iu_delivery_plan_hash.plan_no
$$;
comment on function public.fn_iu_delivery_plan_hash(int, text, jsonb, text) is
'sha256 of the kind, the filter and the reason of a plan, and of the route, number and id of each of its
entries in their order. Reads all entries.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_plan_hash(int, text, jsonb, text)', 'inspect'
);
