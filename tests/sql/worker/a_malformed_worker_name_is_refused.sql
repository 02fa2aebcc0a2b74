select refused(format('select run(%L)', name), 'IU104', '%worker_name%')
from unnest(array['', ' ', 'two words', 'a;b', 'ümlaut', repeat('x', 101), E'a\nb', null]) as name;
select same(run('A-z_0.9:x') ->> 'status', 'ran');
