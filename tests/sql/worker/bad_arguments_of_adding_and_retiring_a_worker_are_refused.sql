select fn_iu_route_worker_add('shop_worker', 'shop', 'test');
select refused($$select fn_iu_route_worker_add('bad name', 'shop', 'x')$$, 'IU104', '%worker_name%');
select refused($$select fn_iu_route_worker_add(null, 'shop', 'x')$$, 'IU104', '%worker_name%');
select refused($$select fn_iu_route_worker_add('w', ' shop', 'x')$$, 'IU104', '%event_domain%');
select refused($$select fn_iu_route_worker_add('w', '', 'x')$$, 'IU104', '%event_domain%');
select refused($$select fn_iu_route_worker_add('w', null, 'x')$$, 'IU104', '%event_domain%');
select refused($$select fn_iu_route_worker_add('w', 'shop', '')$$, 'IU104', '%reason%');
select refused(
    $$select fn_iu_route_worker_add('shop_worker', 'iu', 'x')$$, 'IU104',
    'worker shop_worker reads domain shop, not ''iu''', '%another name%'
);
select fn_iu_route_worker_retire('shop_worker', 'test');
select refused($$select fn_iu_route_worker_add('shop_worker', 'iu', 'x')$$, 'IU104', '%reads domain shop%');
select refused(
    $$select fn_iu_route_worker_retire('nobody', 'x')$$, 'IU104', 'no such worker: ''nobody''',
    '%iu worker list'
);
select refused($$select fn_iu_route_worker_retire('bad name', 'x')$$, 'IU104', '%worker_name%');
select refused($$select fn_iu_route_worker_retire('shop_worker', null)$$, 'IU104', '%reason%');
