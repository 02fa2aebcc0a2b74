create or replace function public.fn_iu_route_worker_seek(worker_name text, "position" text, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_cursor public.iu_route_worker_cursor;
    v_from uuid;
begin
    perform public.fn_iu_worker_name_require(worker_name);
    perform public.fn_iu_argument_require('position', "position", 100);
    perform public.fn_iu_argument_require('reason', reason, 2000);
    v_cursor := public.fn_iu_cursor_lock(worker_name);
    -- A concurrent round of retention may delete the events that this cursor returns to (decision 040).
    if v_cursor.worker_name is null or not public.fn_iu_retention_lock(for_round => false) then
        return jsonb_build_object(
            'status', 'worker_busy', 'worker_name', worker_name, 'position', "position"
        );
    end if;
    v_from := v_cursor.cursor_event_id;
    v_cursor := public.fn_iu_cursor_move(v_cursor, "position");
    perform public.fn_iu_cursor_store(v_cursor);
    insert into public.iu_route_worker_seek (worker_name, "position", from_event_id, to_event_id, reason)
    values (worker_name, "position", v_from, v_cursor.cursor_event_id, reason);
    return jsonb_build_object(
        'status', 'sought', 'worker_name', worker_name, 'position', "position", 'from_event_id', v_from,
        'cursor_event_id', v_cursor.cursor_event_id, 'cursor_created_at', v_cursor.cursor_created_at
    );
end
$$;
comment on function public.fn_iu_route_worker_seek(text, text, text) is
'Moves the cursor of a worker and records the move in iu_route_worker_seek. position is beginning, latest, or
the id of the event to continue after. Creates the cursor of a new worker. After a restore, a clone or a
failback it assigns the cursor to the newest anchor; a seek to the last event that the worker read then
resumes at its first unread event. The first such seek adds the anchor, and locks out emitters until its
transaction ends. Returns {"status", "worker_name", "position", "from_event_id", "cursor_event_id",
"cursor_created_at"}; status is sought, or worker_busy if another transaction has locked the cursor or a round
of retention does not end within 50 ms. Raises IU104 for a malformed argument; IU501 for an unknown position,
or if the outbox is the target of a subscription; IU303 if it must add an anchor in a transaction that is not
read committed. Blocks rounds of retention until the transaction ends. Existing attempts are not repeated.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_route_worker_seek(text, text, text)',
    'operate'
);
