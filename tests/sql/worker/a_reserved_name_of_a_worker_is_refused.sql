select refused(format(statement, name), 'IU104', '%reserved%', '%live:%replay:%')
from unnest(array['live:7', 'live:', 'replay:x']) as name
cross join unnest(array[
    'select run(%L)',
    'select fn_iu_route_worker_add(%L, ''iu'', ''test'')',
    'select fn_iu_route_worker_seek(%L, ''latest'', ''test'')',
    'select fn_iu_route_worker_retire(%L, ''test'')',
    'select fn_iu_route_worker_pending(%L)',
    'select fn_iu_route_worker_health(%L)',
    'select fn_iu_event_reading(gen_random_uuid(), %L)',
    'select fn_iu_attempts_by_worker(%L)'
]) as statement;
select same(run('live') ->> 'status', 'ran');
select same(run('a.live:7') ->> 'status', 'ran');
