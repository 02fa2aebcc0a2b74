-- Interleave the attempts of three workers, as if they had written at the same time.
select emit_many(40);
select run('one', 20), run('two', 30), run('three', 10), run('three', 10), run('three', 20);
set local session_replication_role = replica;
alter table iu_route_attempt_log alter column attempt_id drop identity;
with placed as (
    select n.event_id, n.worker_no, row_number() over (order by n.n, n.worker_no desc) as place
    from (
        select a.*, row_number() over (partition by a.worker_no order by a.attempt_id) as n
        from iu_route_attempt_log as a
    ) as n
)
update iu_route_attempt_log as a set attempt_id = p.place from placed as p
where p.event_id = a.event_id and p.worker_no = a.worker_no;
update iu_route_batch as b set last_attempt_id = (
    select max(a.attempt_id) from iu_route_attempt_log as a where a.batch_id = b.batch_id
);
set local session_replication_role = origin;
select same(
    (select count(distinct batch_id) from iu_route_attempt where attempt_id between 21 and 60), 4,
    'the batches are interleaved'
);
create temp table pages on commit drop as
select
    n, before, (select array_agg(a.attempt_id) from fn_iu_attempts_newest(n, before) as a) as seen,
    (select array_agg(a.id) from (
        select g as id from generate_series(1, 90) as g where g < coalesce(before, 91) order by g desc limit n
    ) as a) as expected
from unnest(array[1, 2, 5, 20, 45, 90, 200]) as n
cross join (select g::bigint as before from generate_series(2, 91) as g union all select null) as b;
select same((
    select string_agg(format('%s before %s: %s', n, before, seen), '; ') from pages
    where seen::text is distinct from expected::text
), null);
select same(count(*), 0) from generate_series(1, 90) as n
where not exists (select from fn_iu_attempts_by_id(n) as a where a.attempt_id = n);
select same(count(*), 0) from fn_iu_attempts_by_id(91);
