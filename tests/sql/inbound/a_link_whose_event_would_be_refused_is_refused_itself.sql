update iu_inbound_route set enabled = true, dry_run = false;
select refused(
    $$insert into iu_sql_link (sql_object_ref, actor_ref) values ('public.orders', '')$$, 'IU104',
    '%actor_ref%'
);
select same((select count(*) from iu_sql_link), 0);
