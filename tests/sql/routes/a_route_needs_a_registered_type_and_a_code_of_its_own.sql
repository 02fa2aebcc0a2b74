select refused(
    $$insert into iu_outbound_route (route_code, event_type, target_kind, target_ref)
    values ('t.x', 'no_such', 'workflow', 'x')$$,
    '23503'
);
select refused(
    $$insert into iu_outbound_route (route_code, event_type, target_kind, target_ref)
    values ('iu.version_applied.workflow', 'version_applied', 'w', 'x')$$,
    '23505'
);
select refused(
    $$insert into iu_outbound_route (route_code, event_type, target_kind, target_ref)
    values (code, 'version_applied', 'w', 'x')$$,
    '42703'
);
select refused(
    format(
        $q$insert into iu_outbound_route (route_code, event_type, target_kind, target_ref)
        values (%L, 'version_applied', 'w', 'x')$q$,
        code
    ),
    '23514', '%route_code_is_a_name%'
) from unnest(array['', 'With Space', 'UPPER', 'a,b', 'a:b', '-']) as code;
