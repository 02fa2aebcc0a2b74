select same(
    (
        select array_agg(c.value order by g.place)
        from unnest(array['master', 'worker', 'delivery', 'live_routes', 'jobs'])
            with ordinality as g (name, place)
        inner join dot_config as c on c.key = fn_iu_gate_key(g.name)
    ),
    array['true', 'true', 'false', '', 'false']
);
select same(
    (
        select array_agg(key order by key) from dot_config
        where key not like '%seconds' and key not like '%days'
    ),
    (
        select array_agg(fn_iu_gate_key(name) order by fn_iu_gate_key(name))
        from unnest(array['master', 'worker', 'delivery', 'live_routes', 'jobs']) as g (name)
    )
);
select same(fn_iu_gate_key('no such gate'), null);
select same(fn_iu_gate_open(fn_iu_gate_key('no such gate')), false);
select refused($$select fn_iu_gate_set(fn_iu_gate_key('no such gate'), 'true', 'x')$$, 'IU104', '%key%null%');
