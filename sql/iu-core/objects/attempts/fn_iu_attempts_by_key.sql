-- enable_seqscan off: use the primary key even if the audit was never analysed (decisions 011 and 041).
create or replace function public.fn_iu_attempts_by_key(idempotency_key text)
returns setof public.iu_attempt
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    -- The event id is the uuid between the last two colons; a worker name may contain colons.
    v_parts constant text [] := regexp_match(
        idempotency_key, '^(.+):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([^:]+)$'
    );
    v_letter public.iu_route_dead_letter;
begin
    select l.* into v_letter from public.iu_route_dead_letter as l
    where l.idempotency_key = fn_iu_attempts_by_key.idempotency_key;
    if v_parts is null and v_letter.dead_letter_id is null then
        raise exception 'argument idempotency_key is %', coalesce(
            'malformed: ' || quote_literal(left(idempotency_key, 80)), 'null'
        ) using
            errcode = 'IU104',
            hint = 'Give the idempotency_key of an attempt, worker:event:route, or of a dead letter.';
    end if;
    return query
    select n.* from public.fn_iu_attempts_named(array(
        select a
        from (
            values
            (v_parts[1], v_parts[2]::uuid, nullif(v_parts[3], '-'), true),
            (v_letter.worker_name, v_letter.event_id, v_letter.route_code, false)
        ) as wanted (worker_name, event_id, route_code, is_first)
        inner join public.iu_route_attempt_log as a on a.event_id = wanted.event_id
            and (a.attempt_no = 1) = wanted.is_first
            and a.worker_no = (
                select w.name_no from public.iu_audit_name as w where w.name = wanted.worker_name
            )
            and a.route_no = case when wanted.route_code is null then 0 else (
                select r.name_no from public.iu_audit_name as r where r.name = wanted.route_code
            ) end
    )) as n
    order by n.attempt_no;
end
$$;
comment on function public.fn_iu_attempts_by_key(text) is
'All attempts with an idempotency key, oldest first. The first attempt is found by the worker, event and route
in the key, replays by the dead letter that has this key. Columns as in the view iu_route_attempt. The cost
depends only on the number of these attempts. Raises IU104 for null, and for text that is neither
worker:event:route nor the key of a dead letter. Takes no lock.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_by_key(text)',
    'inspect'
);
