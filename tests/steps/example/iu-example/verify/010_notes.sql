-- Proof of 010: the table is there.
select public.fn_iu_proof_note('table of notes', 'public.iu_example_note', (
    select n.nspname || '.' || c.relname from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.oid = to_regclass('public.iu_example_note')
));
select public.fn_iu_proof_end('iu-example/010_notes');
