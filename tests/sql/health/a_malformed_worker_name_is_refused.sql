select refused($$select fn_iu_route_worker_health('')$$, 'IU104', '%worker_name%');
select refused($$select fn_iu_route_worker_health(null)$$, 'IU104', '%worker_name%');
