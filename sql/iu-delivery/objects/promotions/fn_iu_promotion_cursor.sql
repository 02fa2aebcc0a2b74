create or replace function public.fn_iu_promotion_cursor(
    given public.iu_route_promotion, event_domain text, is_first boolean
)
returns public.iu_route_worker_cursor
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_name constant text := 'live:' || given.route_no;
    v_cursor public.iu_route_worker_cursor;
    v_from uuid;
begin
    -- A round of retention may delete the events that this cursor begins with (decision 040).
    if not public.fn_iu_retention_lock(for_round => false) then
        return null;
    end if;
    if is_first then
        v_cursor := public.fn_iu_cursor_make(v_name, event_domain, 'delivery');
    else
        v_cursor := public.fn_iu_cursor_lock(v_name);
    end if;
    v_from := v_cursor.cursor_event_id;
    if v_cursor.worker_name is null then
        return null;
    elsif is_first then
        v_cursor := public.fn_iu_cursor_move(v_cursor, given.start_position);
    elsif v_cursor.anchor_key is distinct from given.anchor_key then
        v_cursor := public.fn_iu_cursor_move(v_cursor, null);
    else
        return v_cursor;
    end if;
    perform public.fn_iu_cursor_store(v_cursor);
    insert into public.iu_route_worker_seek (worker_name, "position", from_event_id, to_event_id, reason)
    values (
        v_name, case when is_first then given.start_position else 'resumed' end, v_from,
        v_cursor.cursor_event_id, format('promotion %s', given.promotion_no)
    );
    return v_cursor;
end
$$;
comment on function public.fn_iu_promotion_cursor(public.iu_route_promotion, text, boolean) is
'The cursor of a route that is being promoted, locked until the end of the transaction: made at the start
position by the first promotion; otherwise where it stood, after a restore at its first unread event. A move
is recorded in iu_route_worker_seek. Returns null if another transaction has locked the cursor, or a round of
retention does not end within 50 ms. Raises IU501 for an unknown position.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_promotion_cursor(public.iu_route_promotion, text, boolean)', 'internal'
);
