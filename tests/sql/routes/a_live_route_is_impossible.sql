select refused($$update iu_outbound_route set dry_run = false$$, '23514', '%dry_run_is_enforced%');
select refused(
    $$insert into iu_outbound_route (route_code, event_type, dry_run, target_kind, target_ref)
    values ('t.live', 'version_applied', false, 'workflow', 'x')$$,
    '23514', '%dry_run_is_enforced%'
);
