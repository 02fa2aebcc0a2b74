insert into iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref)
values ('iu.second', 'version_applied', true, 'webhook', 'q');
select emit_many(25);
select fn_iu_route_worker_run('one', 10, 'a run'), run('two', 7);
select fn_iu_route_worker_run('one', 10, 'a run'), run('two', 100), run('one', 1);
select fn_iu_route_dead_letter_replay(letter(worker_name => 'one'), 'a run');
create temp table pages (kind text, size int, n serial, attempt_id bigint) on commit drop;
do $$
declare
    v_size int;
    v_kind text;
    v_before bigint;
    v_page bigint [];
    v_batch constant bigint := (select max(b.batch_id) from iu_route_batch as b where b.worker_name = 'two');
begin
    foreach v_size in array array[1, 3, 9, 24] loop
        foreach v_kind in array array['newest', 'by_worker', 'by_run', 'by_batch'] loop
            v_before := null;
            loop
                execute format(
                    'select array(select a.attempt_id from fn_iu_attempts_%s as a)', case v_kind
                        when 'newest' then 'newest($1, $2)'
                        when 'by_worker' then 'by_worker(''two'', $1, $2)'
                        when 'by_run' then 'by_run(''a run'', $1, $2)'
                        else 'by_batch($3, $1, $2)'
                    end
                ) into v_page using v_size, v_before, v_batch;
                exit when v_page = '{}';
                perform holds(v_before is null or v_page[1] < v_before, 'older than the page before');
                insert into pages (kind, size, attempt_id) select v_kind, v_size, unnest(v_page);
                v_before := v_page[cardinality(v_page)];
            end loop;
        end loop;
    end loop;
end
$$;
select same(count(distinct ids), 4, 'all, a worker''s, a run''s, a batch''s: whatever the size of a page')
from (select array_agg(attempt_id order by n) as ids from pages group by kind, size) as p;
select same(
    (select array_agg(attempt_id order by n) from pages where kind = 'newest' and size = 3),
    (select array_agg(attempt_id order by attempt_id desc) from iu_route_attempt)
);
select same(
    (select array_agg(attempt_id order by n) from pages where kind = 'by_worker' and size = 9),
    (select array_agg(attempt_id order by attempt_id desc) from iu_route_attempt where worker_name = 'two')
);
select same(
    (select array_agg(attempt_id order by n) from pages where kind = 'by_run' and size = 9),
    (select array_agg(attempt_id order by attempt_id desc) from iu_route_attempt where run_ref = 'a run')
);
