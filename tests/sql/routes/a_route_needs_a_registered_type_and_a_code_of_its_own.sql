create function add_route(
    code text default 't.x', type text default 'version_applied', kind text default 'workflow',
    ref text default 'x'
) returns void language sql as $$
    insert into iu_outbound_route (route_code, event_type, target_kind, target_ref)
    values (code, type, kind, ref)
$$;
select refused(
    format($q$select add_route(type => %L)$q$, type), 'IU101', 'unknown event type %',
    'Registered: sql_link_created, structure_piece_split, version_applied. Register others with: iu type add'
) from unnest(array['no_such', 'version_applied ', '', null]) as type;
select refused($$select add_route('iu.version_applied.workflow')$$, '23505');
select refused(
    format($q$select add_route(%L)$q$, code), 'IU104',
    'argument route_code is %' || coalesce(code, 'null') || '%',
    'Give 1 to 100 lower-case letters, digits, _, dots or dashes,%shop.order_paid.billing.'
) from unnest(array['With Space', 'UPPER', 'a,b', 'a:b', '-', '.a', E'a\n', 'đơn', null]) as code;
select refused($$select add_route('')$$, 'IU104', 'argument route_code is empty');
select refused($$select add_route(repeat('a', 101))$$, 'IU104', 'argument route_code is 101 characters long');
select refused(format($q$select add_route(ref => %L)$q$, ref), 'IU104', 'argument target_ref is %')
from unnest(array['', ' x', E'x\ty', repeat('x', 1001), null]) as ref;
select refused(
    format($q$update iu_outbound_route set %s where route_code = 'iu.version_applied.workflow'$q$, change),
    code
) from (values
    ('event_type = ''no_such''', 'IU101'), ('route_code = ''A''', 'IU104'), ('target_ref = ''''', 'IU104')
) as bad (change, code);
