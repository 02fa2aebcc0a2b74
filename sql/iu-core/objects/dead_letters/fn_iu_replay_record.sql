create or replace function public.fn_iu_replay_record(
    letter public.iu_route_dead_letter, route_version int, decision text, failure text, run_ref text
)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    insert into public.iu_route_attempt_log (
        event_id, worker_no, route_no, route_version, attempt_no, decision,
        error_code, error_detail, idempotency_key, run_ref
    ) values (
        letter.event_id, public.fn_iu_name_intern(letter.worker_name),
        case when letter.route_code is null then 0 else public.fn_iu_name_intern(letter.route_code) end,
        route_version, letter.attempts, decision,
        case when decision = 'failed' then 'worker_process_error' end, failure,
        letter.idempotency_key, run_ref
    );
    perform public.fn_iu_tally_add(
        'replay/' || pg_backend_pid() % 256, 1::bigint,
        (decision = 'failed')::int::bigint, (decision = 'sent')::int::bigint
    );
end
$$;
comment on function public.fn_iu_replay_record(public.iu_route_dead_letter, int, text, text, text) is
'Writes the attempt of a replay under the idempotency key of the letter and adds it to a tally row of replays,
whose key contains a slash and so is no worker name.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_replay_record(public.iu_route_dead_letter, int, text, text, text)',
    'internal'
);
