select shop();
select capture('insert');
select capture('update');
select capture('delete');
insert into shop.orders values (1, 'old'), (2, 'gone');
do $$
begin
    -- PostgreSQL 14 has no merge.
    if current_setting('server_version_num')::int >= 150000 then
        execute 'merge into shop.orders as o using (values (1), (2), (3)) as n (id) on o.id = n.id '
            'when matched and n.id = 2 then delete when matched then update set status = ''new'' '
            'when not matched then insert (id, status) values (n.id, ''added'')';
    else
        delete from shop.orders where id = 2;
        update shop.orders set status = 'new' where id = 1;
        insert into shop.orders values (3, 'added');
    end if;
end
$$;
select same(
    (select string_agg(route_code || ' ' || source_key, ', ' order by source_key, capture_id)
    from iu_inbound_capture),
    'shop.insert 1, shop.update 1, shop.insert 2, shop.delete 2, shop.insert 3'
);
