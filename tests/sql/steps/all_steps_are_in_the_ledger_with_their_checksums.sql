select same(
    (
        select string_agg(left(step_name, 3), ' ' order by step_name) from iu_schema_step
        where step_name < '110'
    ),
    '010 020 030 040 050 060 070 080 090 100'
);
select same(
    (
        select count(*) from iu_schema_step
        where checksum !~ '^[0-9a-f]{64}$' or applied_at is null or applied_by is null
    ), 0
);
