create or replace function public.fn_iu_target_tokens(
    tokens double precision, refilled_at timestamptz, max_per_minute int, now_at timestamptz
)
returns double precision
language sql immutable parallel safe
-- A bucket of one second's claims that refills so slowly that a full bucket and the refill of a minute are
-- max_per_minute together.
return case when max_per_minute is null then 'infinity' else least(
    greatest(1, max_per_minute / 60.0),
    tokens + greatest(0, extract(epoch from now_at - refilled_at))
    * (max_per_minute - greatest(1, max_per_minute / 60.0) + 1) / 60
) end;
comment on function public.fn_iu_target_tokens(double precision, timestamptz, int, timestamptz) is
'The tokens in a bucket at now_at: infinity without a limit. In any minute no more than max_per_minute whole
tokens can be taken. The body is bound at creation and inlined.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_target_tokens(double precision, timestamptz, int, timestamptz)', 'internal'
);
