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
            and (p.prosqlbody is null or p.prosecdef)
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
    perform public.fn_iu_proof_note('append-only tables that let update, delete or truncate through', 'none', coalesce((
        select string_agg(wanted.name, ', ' order by wanted.name)
        from unnest(array[
            'event_outbox', 'iu_route_attempt_log', 'iu_route_batch', 'dot_config_history', 'iu_outbound_route_version',
            'iu_inbound_capture', 'iu_route_worker_seek', 'iu_audit_name', 'iu_retention_history'
        ]) as wanted (name)
        where not exists (
            select from pg_catalog.pg_trigger as t
            where t.tgrelid = to_regclass('public.' || wanted.name) and t.tgname = 'trg_iu_append_only'
                and t.tgfoid = 'public.fn_iu_append_only_refuse'::regproc and t.tgenabled in ('O', 'A')
                and t.tgtype = 58  -- before update (16), delete (8) and truncate (32), for each statement (2)
        )
    ), 'none'));
    perform public.fn_iu_proof_note('rights to write what only the verbs may write', 'none', coalesce((
        select string_agg(format('%s: %s on %s', a.grantee::regrole, lower(a.privilege_type), c.relname), ', '
            order by a.grantee::regrole::text, a.privilege_type, c.relname)
        from (
            select k.oid, k.relname, k.relowner, k.relacl as acl from pg_catalog.pg_class as k
            union all
            select k.oid, k.relname, k.relowner, t.attacl from pg_catalog.pg_attribute as t
            inner join pg_catalog.pg_class as k on k.oid = t.attrelid
        ) as c
        cross join lateral aclexplode(c.acl) as a
        where a.grantee <> c.relowner and a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
            and c.oid = any (array[
                'public.iu_schema_step', 'public.dot_config', 'public.dot_config_history', 'public.event_outbox',
                'public.event_outbox_cluster', 'public.iu_audit_name', 'public.iu_outbound_route_version',
                'public.iu_inbound_capture', 'public.iu_route_worker_cursor', 'public.iu_route_worker_seek',
                'public.iu_route_batch', 'public.iu_route_attempt_log', 'public.iu_route_attempt_tally',
                'public.iu_route_attempt', 'public.iu_route_dead_letter', 'public.iu_retention_history'
            ]::regclass [])
    ), 'none'));
    perform public.fn_iu_proof_note('group roles that are members of iu_owner', 'none', coalesce((
        select string_agg(r.rolname, ', ' order by r.rolname) from pg_catalog.pg_roles as r
        where r.rolname in ('iu_emitter', 'workflow_admin', 'iu_auditor')
            and pg_has_role(r.oid, to_regrole('iu_owner'), 'member')
    ), 'none'));
    perform public.fn_iu_proof_end('070_functions');
end
$proof$;
