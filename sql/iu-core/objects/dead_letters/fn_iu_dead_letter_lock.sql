create or replace function public.fn_iu_dead_letter_lock(dead_letter_id uuid)
returns public.iu_route_dead_letter
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_letter public.iu_route_dead_letter;
begin
    if dead_letter_id is null then
        raise exception 'argument dead_letter_id is null' using
            errcode = 'IU104', hint = 'Give the dead_letter_id of a row of iu_route_dead_letter.';
    end if;
    select l.* into v_letter from public.iu_route_dead_letter as l
    where l.dead_letter_id = fn_iu_dead_letter_lock.dead_letter_id for update;
    if not found then
        raise exception 'dead letter % does not exist', dead_letter_id using
            errcode = 'IU401',
            hint = 'Read iu_route_dead_letter, or list the open dead letters with: iu audit';
    end if;
    return v_letter;
end
$$;
comment on function public.fn_iu_dead_letter_lock(uuid) is
'Locks a dead letter until the end of the transaction and returns it. Waits for a concurrent replay of the
same letter. Raises IU104 for null, IU401 if there is none.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_dead_letter_lock(uuid)', 'internal');
