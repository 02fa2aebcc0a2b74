select letter();
select refused(
    $$update iu_route_dead_letter set resolution = 'lost', resolved_at = now()$$, '23514',
    '%resolution_is_known%'
);
select refused(
    $$update iu_route_dead_letter set resolution = 'replayed'$$, '23514', '%resolved_at_goes_with_resolution%'
);
select refused($$update iu_route_dead_letter set attempts = 0$$, '23514', '%attempts_begin_at_one%');
