create or replace function public.fn_iu_replay_summary(
    status text, decision text, letter public.iu_route_dead_letter
)
returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_build_object(
        'status', status, 'decision', decision, 'resolved', letter.resolution is not null,
        'attempt_no', letter.attempts, 'dead_letter_id', letter.dead_letter_id
    )
$$;
comment on function public.fn_iu_replay_summary(text, text, public.iu_route_dead_letter) is
'The result of a replay; attempt_no is the number of the letter''s newest attempt.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_replay_summary(text, text, public.iu_route_dead_letter)',
    'internal'
);
