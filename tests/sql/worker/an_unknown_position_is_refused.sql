select refused(
    format('select fn_iu_route_worker_seek(%L, %L, %L)', 'tester', place, 'x'), 'IU501', '%' || place || '%',
    '%beginning%'
)
from unnest(
    array['start', 'LATEST', '00000000-0000-4000-8000-000000000000', '5', '''; drop table event_outbox; --']
) as place;
select refused($$select fn_iu_route_worker_seek('tester', null, 'x')$$, 'IU104', '%position%');
select refused($$select fn_iu_route_worker_seek('tester', '', 'x')$$, 'IU104', '%position%');
select refused($$select fn_iu_route_worker_seek('tester', 'latest', null)$$, 'IU104', '%reason%');
select refused($$select fn_iu_route_worker_seek('tester', 'latest', '')$$, 'IU104', '%reason%');
select refused($$select fn_iu_route_worker_seek('', 'latest', 'x')$$, 'IU104', '%worker_name%');
select same((select count(*) from iu_route_worker_cursor where worker_name = 'tester'), 0);
