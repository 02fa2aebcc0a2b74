-- enable_seqscan and enable_bitmapscan off: each delivery is one probe of its primary key (decision 011).
create or replace function public.fn_iu_delivery_named(delivery_keys text[])
returns table (place tid, delivery_key text)
language plpgsql stable rows 50
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    v_parts constant text := '^evt_([0-9a-f]{32})_([0-9]{1,9})$';
begin
    perform public.fn_iu_delivery_keys_require(delivery_keys);
    return query
    select d.place, k.key
    from (select distinct u as key from unnest(delivery_keys) as u) as k
    cross join lateral (select regexp_match(k.key, v_parts) as part offset 0) as m
    cross join lateral (
        select e.event_seq from public.event_outbox as e where e.event_id = cast(m.part[1] as uuid) limit 1
    ) as e
    cross join lateral (
        select q.ctid as place from public.iu_delivery as q
        where q.route_no = cast(m.part[2] as int) and q.event_seq = e.event_seq limit 1
    ) as d;
end
$$;
comment on function public.fn_iu_delivery_named(text[]) is
'The places (ctid) of the deliveries that keys name and that are not settled, at most 1,000. Raises IU104 for
none, for more, and for what is no key. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_named(text[])', 'internal'
);
