-- Proof of 030: the outbox is refs-only, its ids are time-ordered, and it is where it was anchored.
do $proof$
declare
    v_refused text := 'nothing was raised';
begin
    perform public.fn_iu_proof_note('columns that could hold a body, secret or vector', 'none', coalesce((
        select string_agg(a.attname, ', ' order by a.attnum) from pg_catalog.pg_attribute as a
        where a.attrelid = 'public.event_outbox'::regclass and a.attnum > 0 and not a.attisdropped and (
            a.attname ~* public.fn_iu_payload_words_regexp() or a.atttypid = 'bytea'::regtype
        )
    ), 'none'));
    begin
        perform public.fn_iu_payload_check('{"deep": [{"Body": 1}]}');
    exception when others then
        v_refused := sqlstate;
    end;
    perform public.fn_iu_proof_note('payload with a body in its depth is refused', 'IU103', v_refused);
    perform public.fn_iu_proof_note(
        'registered types', 'sql_link_created, structure_piece_split, version_applied', (
            select string_agg(r.event_type, ', ' order by r.event_type) from public.event_type_registry as r
            where r.event_type in ('version_applied', 'structure_piece_split', 'sql_link_created')
        )
    );
    perform public.fn_iu_proof_note(
        'a number is drawn after the transaction has its id, one at a time', 'it is', case when (
            select a.attnum from pg_catalog.pg_attribute as a
            where a.attrelid = 'public.event_outbox'::regclass and a.attname = 'emitted_xid'
        ) < (
            select a.attnum from pg_catalog.pg_attribute as a
            where a.attrelid = 'public.event_outbox'::regclass and a.attname = 'event_seq'
        ) and (
            select s.seqcache from pg_catalog.pg_sequence as s
            where s.seqrelid = pg_get_serial_sequence('public.event_outbox', 'event_seq')::regclass
        ) = 1 then 'it is' else 'it is not' end
    );
    perform public.fn_iu_proof_note(
        'ids of events are UUIDv7', '7', substr(public.fn_iu_event_id()::text, 15, 1)
    );
    perform public.fn_iu_proof_note('default of event_id', coalesce(
        to_regprocedure('pg_catalog.uuidv7()')::text, to_regprocedure('public.fn_iu_event_id()')::text
    ), (
        select pg_get_expr(d.adbin, d.adrelid) from pg_catalog.pg_attrdef as d
        inner join pg_catalog.pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
        where d.adrelid = 'public.event_outbox'::regclass and a.attname = 'event_id'
    ));
    perform public.fn_iu_proof_note('outbox is where it was anchored', 'it is', coalesce(
        (select s.difference from public.fn_iu_cluster_state(null) as s), 'it is'
    ));
    -- If the column is missing, which a line above reports, a statement that names it cannot be planned.
    if exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = 'public.event_outbox'::regclass and a.attname = 'emitted_xid'
            and not a.attisdropped
    ) then
        perform public.fn_iu_proof_note(
            'events whose transaction id this server has not given', 'none', coalesce((
                select string_agg(ahead.event_id::text, ', ' order by ahead.event_id)
                from (select distinct r.event_domain from public.event_type_registry as r) as d
                cross join lateral (
                    select o.event_id from public.event_outbox as o
                    where o.event_domain collate "POSIX" = d.event_domain
                        and o.emitted_xid >= pg_snapshot_xmax(pg_current_snapshot())
                        and o.emitted_xid is distinct from pg_current_xact_id_if_assigned()
                        and o.event_seq > (
                            select a.restored_seq
                            from public.event_outbox_cluster as a order by a.anchor_no desc limit 1
                        )
                    order by o.emitted_xid, o.event_seq limit 1
                ) as ahead
            ), 'none')
        );
    end if;
    perform public.fn_iu_proof_end('030_event_types_and_outbox');
end
$proof$;
