-- Proof of 070: every function is there, has a fixed search_path and a comment, and only public verbs run as their owner.
do $proof$
begin
    perform public.fn_iu_proof_note('verbs of the contract that are missing', 'none', coalesce((
        select string_agg(wanted, ', ') from unnest(array[
            'fn_iu_emit_event(text, text, uuid, text, jsonb)', 'fn_iu_emit_events(jsonb)',
            'fn_iu_route_worker_run(text, int, text)', 'fn_iu_route_dead_letter_replay(uuid, text)',
            'fn_iu_route_dead_letter_discard(uuid, text)', 'fn_iu_route_worker_seek(text, text, text)',
            'fn_iu_route_worker_health(text)', 'fn_iu_route_deliver(uuid, text)', 'fn_iu_gate_set(text, text, text)',
            'fn_iu_sql_link_inbound_capture()'
        ]) as wanted
        where to_regprocedure('public.' || wanted) is null
    ), 'none'));
    perform public.fn_iu_proof_note('functions without a fixed search_path', 'none', coalesce((
        select string_agg(p.proname, ', ' order by p.proname) from pg_catalog.pg_proc as p
        where p.pronamespace = 'public'::regnamespace and p.proname like 'fn\_iu\_%'
            and not coalesce('search_path=pg_catalog, pg_temp' = any (p.proconfig), false)
    ), 'none'));
    perform public.fn_iu_proof_note('functions without a comment', 'none', coalesce((
        select string_agg(p.proname, ', ' order by p.proname) from pg_catalog.pg_proc as p
        where p.pronamespace = 'public'::regnamespace and p.proname like 'fn\_iu\_%'
            and obj_description(p.oid, 'pg_proc') is null
    ), 'none'));
    perform public.fn_iu_proof_note('objects that others than the owner of the ledger own', 'none', coalesce((
        select string_agg(o.name, ', ' order by o.name)
        from (
            select p.proname as name, p.proowner as owner from pg_catalog.pg_proc as p
            where p.pronamespace = 'public'::regnamespace and p.proname like 'fn\_iu\_%'
            union all
            select c.relname, c.relowner from pg_catalog.pg_class as c
            where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
                and (c.relname like 'iu\_%' or c.relname like 'dot\_config%' or c.relname like 'event\_%')
        ) as o
        where o.owner <> (select l.relowner from pg_catalog.pg_class as l where l.oid = 'public.iu_schema_step'::regclass)
    ), 'none'));
    perform public.fn_iu_proof_end('070_functions');
end
$proof$;
