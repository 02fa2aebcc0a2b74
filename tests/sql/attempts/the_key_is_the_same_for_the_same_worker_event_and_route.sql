select same(fn_iu_idempotency_key('w', subject(), 'r'), fn_iu_idempotency_key('w', subject(), 'r'));
select same((
    select count(distinct fn_iu_idempotency_key(w, subject(s), r))
    from unnest(array['w', 'w:w']) as w, generate_series(1, 2) as s, unnest(array['r', 'r.r', null]) as r
), 12);
