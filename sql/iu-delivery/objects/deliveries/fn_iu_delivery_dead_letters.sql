-- enable_seqscan, enable_bitmapscan off: the index of dead letters is read from its end (decision 072).
create or replace function public.fn_iu_delivery_dead_letters(
    target_name text default null, row_limit int default 100
)
returns table (
    event_id uuid, event_seq bigint, route_code text, target text, subject uuid, dead_at timestamptz,
    reason text, attempts int
)
language plpgsql stable security definer rows 100
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    v_target_no int;
begin
    perform public.fn_iu_row_limit_require(row_limit);
    if fn_iu_delivery_dead_letters.target_name is not null then
        v_target_no := (public.fn_iu_target_require(fn_iu_delivery_dead_letters.target_name)).target_no;
    end if;
    return query
    select d.event_id, d.event_seq, r.route_code, t.target_name, d.subject, d.dead_at, d.dead_reason, d.claims
    from public.iu_delivery_route as r
    inner join public.iu_delivery_target as t on t.target_no = r.target_no
    cross join lateral (
        select q.* from public.iu_delivery as q
        where q.route_no = r.route_no and q.dead_at is not null
        order by q.event_seq desc limit row_limit
    ) as d
    where v_target_no is null or t.target_no = v_target_no
    order by d.event_seq desc, r.route_code
    limit row_limit;
end
$$;
comment on function public.fn_iu_delivery_dead_letters(text, int) is
'The dead letters of all targets, or of one, those of the newest events first, at most row_limit: the event,
its route and subject, when and why it became a dead letter, and the number of claims. It is empty again when
they are replayed or discarded. The cost depends on row_limit and the number of routes. Raises IU104 for a
malformed name, IU301 for a row_limit outside 1 to 10000, IU603 for an unknown target. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_dead_letters(text, int)', 'explain'
);
