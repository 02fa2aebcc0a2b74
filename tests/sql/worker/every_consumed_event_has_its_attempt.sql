select emit_many(10);
select run(batch_limit => 4);
select same(
    (
        select count(*)
        from fn_iu_cursor_unattempted(
            (select c from iu_route_worker_cursor as c where worker_name = 'tester'), 1000
        )
    ), 0
);
