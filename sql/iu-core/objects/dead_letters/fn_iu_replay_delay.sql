create or replace function public.fn_iu_replay_delay(attempts int)
returns interval
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select make_interval(secs => least(
        public.fn_iu_setting_seconds('iu_core.replay_backoff_seconds', 60)
        * power(2::float8, least(attempts, 40) - 1),
        public.fn_iu_setting_seconds('iu_core.replay_backoff_cap_seconds', 86400)
    ))
$$;
comment on function public.fn_iu_replay_delay(int) is
'Time until a letter is due after the given number of attempts: doubles with each attempt, up to a cap
(settings iu_core.replay_backoff_…).';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_replay_delay(int)', 'internal');
