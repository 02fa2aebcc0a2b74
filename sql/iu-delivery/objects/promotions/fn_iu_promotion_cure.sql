create or replace function public.fn_iu_promotion_cure(rule text)
returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when rule in ('events', 'subjects', 'hours') then
            'Let the worker attempt more events, or let two people lower the threshold: '
            'iu promote threshold set NAME VALUE.'
        when rule in ('rehearsal', 'test') then 'Run as the sender: iu promote rehearse ROUTE --test-target.'
        when rule in ('pack', 'pack_hours') then 'Record a pack that passes: iu evidence.'
        when rule = 'failures' then
            'Correct what failed, then change the route: a new version of it has no failures.'
        when rule = 'days' then 'Propose a shorter period with --days.'
        when rule = 'worker' then 'Run a worker of the domain of the event type: iu run --worker NAME.'
        when rule = 'route' then
            'Enable the route with iu route enable, or, if it was removed, add it again with the event type '
            'that it had; then rehearse it and propose again.'
        when rule = 'start_position' then 'Propose it without --from.'
        when rule = 'two_people' then 'Let another member of iu_approver approve it.'
        else 'Meet the rule, then propose again.'
    end
$$;
comment on function public.fn_iu_promotion_cure(text) is
'What a person does about a rule of promotions that is missed: one sentence. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_cure(text)', 'internal'
);
