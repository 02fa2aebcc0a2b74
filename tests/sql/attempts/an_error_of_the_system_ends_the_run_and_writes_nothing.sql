create or replace function public.fn_iu_route_deliver(event_id uuid, route_code text) returns void
language plpgsql as $$
begin
    raise exception 'no room' using errcode = '53100';
end
$$;
select make_live('iu.structure_piece_split.workflow');
select emit_many(5);
select emit('structure_piece_split');
select refused($$select run()$$, '53100', 'no room');
select same(attempts(), 0);
select same((select count(*) from iu_route_dead_letter), 0);
