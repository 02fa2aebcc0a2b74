select same(fn_iu_subject('public.orders', '5'), '706f7333-6539-8f7e-98d0-0ac100be72a1'::uuid);
select same(
    fn_iu_subject('public.orders', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'),
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid
);
select refused($$select fn_iu_subject('orders', '5')$$, 'IU104', '%source_table%orders%', '%schema.table%');
select refused($$select fn_iu_subject('public.orders', null)$$, 'IU104', '%source_key is null%', '%');
select refused($$select fn_iu_subject(null, '5')$$, 'IU104', '%source_table is null%', '%');
select refused(
    $$select fn_iu_subject_composite('public.orders', array['5', null])$$, 'IU104', '%source_key is null%',
    '%'
);
