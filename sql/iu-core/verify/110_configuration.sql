-- Proof of 110: every change of the configuration is recorded.
do $proof$
begin
    perform public.fn_iu_proof_note(
        'tables whose changes are recorded',
        'event_type_registry, iu_inbound_route, iu_outbound_route, iu_route_worker_cursor',
        (
            select string_agg(c.relname, ', ' order by c.relname collate "C") from pg_catalog.pg_trigger as t
            inner join pg_catalog.pg_class as c on c.oid = t.tgrelid
            where t.tgfoid = to_regprocedure('public.fn_iu_config_history_record()')
                and t.tgenabled in ('O', 'A')
        )
    );
    perform public.fn_iu_proof_end('110_configuration');
end
$proof$;
