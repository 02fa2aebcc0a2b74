-- enable_seqscan and enable_bitmapscan off: read the captures by their primary key (decision 011).
create or replace function public.fn_iu_event_capture(event_id uuid)
returns setof public.iu_inbound_capture
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    v_nearest constant int := 20000;
    v_emitted_at constant timestamptz := (
        select o.created_at - interval '1 second' from public.event_outbox as o
        where o.event_id = fn_iu_event_capture.event_id
    );
    v_low bigint := coalesce((
        select c.capture_id from public.iu_inbound_capture as c order by c.capture_id limit 1
    ), 0);
    v_high bigint := coalesce((
        select c.capture_id from public.iu_inbound_capture as c order by c.capture_id desc limit 1
    ), 0);
    v_middle bigint;
    v_captured_at timestamptz;
begin
    -- The captures have no index on event_id. A capture is recorded after its event, in the same transaction,
    -- and capture_id rises with the time: find the time of the event by bisection, and look forward.
    while v_emitted_at is not null and v_low < v_high loop
        v_middle := v_low + (v_high - v_low) / 2;
        select c.captured_at into v_captured_at from public.iu_inbound_capture as c
        where c.capture_id >= v_middle order by c.capture_id limit 1;
        if v_captured_at < v_emitted_at then
            v_low := v_middle + 1;
        else
            v_high := v_middle;
        end if;
    end loop;
    return query
    select near.* from (
        select c.* from public.iu_inbound_capture as c
        where c.capture_id >= v_low and v_emitted_at is not null order by c.capture_id limit v_nearest
    ) as near
    where near.event_id = fn_iu_event_capture.event_id limit 1;
end
$$;
comment on function public.fn_iu_event_capture(uuid) is
'The capture that emitted an event, or no row. Looks at the 20,000 captures from the time of the event on,
which are found by bisection; a capture that was recorded after 20,000 others is not found. Takes no lock.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_event_capture(uuid)', 'inspect');
