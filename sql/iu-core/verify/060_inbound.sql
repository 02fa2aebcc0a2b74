-- Proof of 060: the triggers in and out are enabled, and the inbound route is registered.
do $proof$
begin
    perform public.fn_iu_proof_note(
        'trigger-in of iu_sql_link',
        'CREATE TRIGGER trg_iu_sql_in_iu_sql_link AFTER INSERT ON public.iu_sql_link'
        ' FOR EACH ROW EXECUTE FUNCTION fn_iu_sql_link_inbound_capture()',
        (
            select replace(pg_get_triggerdef(t.oid), 'public.fn_iu', 'fn_iu') from pg_catalog.pg_trigger as t
            where t.tgrelid = 'public.iu_sql_link'::regclass and t.tgname = 'trg_iu_sql_in_iu_sql_link'
                and t.tgenabled in ('O', 'A')
        )
    );
    perform public.fn_iu_proof_note('trigger-out of unit_version', 'enabled', (
        select case when t.tgenabled in ('O', 'A') then 'enabled' else 'disabled' end
        from pg_catalog.pg_trigger as t
        where t.tgrelid = 'public.unit_version'::regclass and t.tgname = 'trg_iu_unit_version_out'
    ));
    perform public.fn_iu_proof_note(
        'inbound route iu_sql.iu_sql_link.insert', 'iu_sql_link/insert to sql_link_created', (
            select format('%s/%s to %s', r.source_table, r.source_op, r.target_event_type)
            from public.iu_inbound_route as r where r.route_code = 'iu_sql.iu_sql_link.insert'
        )
    );
    perform public.fn_iu_proof_note(
        'captures that say emitted and whose event is missing, newest 1000', 'none', coalesce((
            select string_agg(c.capture_id::text, ', ')
            from (select * from public.iu_inbound_capture order by capture_id desc limit 1000) as c
            where c.decision = 'emitted'
                and not exists (select from public.event_outbox as o where o.event_id = c.event_id)
        ), 'none')
    );
    perform public.fn_iu_proof_end('060_inbound');
end
$proof$;
