select refused($$select run(batch_limit => 0)$$, 'IU301', '%0%');
select refused($$select run(batch_limit => -1)$$, 'IU301', '%-1%');
select refused($$select run(batch_limit => null)$$, 'IU301', '%null%');
select refused($$select run(batch_limit => 1000000)$$, 'IU301', '%1000000%');
select refused($$select run(batch_limit => 100001)$$, 'IU301', '%100001%');
select same(run(batch_limit => 100000) ->> 'status', 'ran');
select same(run(batch_limit => 1) ->> 'status', 'ran');
