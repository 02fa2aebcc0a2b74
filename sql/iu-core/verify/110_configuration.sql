-- Proof of 110: every change of the configuration is recorded, and the functions of captures are those that
-- are generated.
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
    perform public.fn_iu_proof_note(
        'captures whose function is missing or differs', 'none',
        coalesce(public.fn_iu_captures_misfit(), 'none')
    );
    perform public.fn_iu_proof_note('trigger functions without a capture', 'none', coalesce((
        select string_agg(p.proname, ', ' order by p.proname) from pg_catalog.pg_proc as p
        where p.pronamespace = 'public'::regnamespace and p.proname ~ '^fn_iu_capture_[0-9]+$'
            and not exists (
                select from public.iu_inbound_route as r
                where p.proname = 'fn_iu_capture_' || r.capture_no and r.subject_columns is not null
            )
    ), 'none'));
    perform public.fn_iu_proof_note('check of captures', 'enabled', (
        select case when t.tgenabled in ('O', 'A') then 'enabled' else 'disabled' end
        from pg_catalog.pg_trigger as t
        where t.tgrelid = 'public.iu_inbound_route'::regclass and t.tgname = 'trg_iu_capture_define'
    ));
    perform public.fn_iu_proof_end('110_configuration');
end
$proof$;
