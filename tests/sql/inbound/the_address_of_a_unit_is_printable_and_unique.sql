select refused(
    format('insert into information_unit (canonical_address) values (%L)', address), '23514',
    '%canonical_address_is_printable%'
)
from unnest(array['', ' a', E'a\nb', repeat('x', 1001)]) as address;
select refused($$insert into unit_version (unit_id, version_seq) values (iu_test.subject(99), 1)$$, '23503');
insert into information_unit (unit_id, canonical_address) values (subject(1), 'docs/a.md');
select refused(
    $$insert into unit_version (unit_id, version_seq) values (iu_test.subject(1), 0)$$, '23514',
    '%version_seq_begins_at_one%'
);
select refused($$insert into information_unit (canonical_address) values ('docs/a.md')$$, '23505');
