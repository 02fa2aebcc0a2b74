create or replace function public.fn_iu_route_dead_letter_discard(dead_letter_id uuid, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_letter public.iu_route_dead_letter;
begin
    perform public.fn_iu_argument_require('reason', reason, 2000);
    v_letter := public.fn_iu_dead_letter_lock(dead_letter_id);
    if v_letter.resolution is null then
        update public.iu_route_dead_letter as l
        set resolution = 'discarded', resolved_at = clock_timestamp(), resolved_by = session_user,
            resolution_reason = reason
        where l.dead_letter_id = v_letter.dead_letter_id;
        return jsonb_build_object('status', 'discarded', 'resolved', true, 'dead_letter_id', dead_letter_id);
    end if;
    return jsonb_build_object(
        'status', 'already_resolved', 'resolved', true, 'dead_letter_id', dead_letter_id
    );
end
$$;
comment on function public.fn_iu_route_dead_letter_discard(uuid, text) is
'Resolves a dead letter that is not to be replayed, with a reason. Independent of the gates, because nothing
is sent. Returns {"status", "resolved", "dead_letter_id"}; status is discarded or already_resolved. Raises
IU104, IU401. Locks the letter.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_route_dead_letter_discard(uuid, text)',
    'operate'
);
