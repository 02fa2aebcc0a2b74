select emit(payload => jsonb_build_object('note', repeat('x', 8192 - octet_length('{"note": ""}'))));
select same((select octet_length(safe_payload::text) from event_outbox), 8192);
select refused(
    $$select emit(payload => jsonb_build_object('note', repeat('x', 8193 - octet_length('{"note": ""}'))))$$,
    'IU102', '%8193%'
);
select refused($$select emit(payload => jsonb_build_object('note', repeat('ä', 5000)))$$, 'IU102');
