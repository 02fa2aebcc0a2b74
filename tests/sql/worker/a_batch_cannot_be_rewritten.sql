select refused($$update iu_route_batch set seen = 0$$, 'IU203');
select refused($$delete from iu_route_batch$$, 'IU203');
