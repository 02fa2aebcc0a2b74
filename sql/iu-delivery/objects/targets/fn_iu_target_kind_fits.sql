create or replace function public.fn_iu_target_kind_fits(route_kind text, kind text)
returns boolean
language sql immutable parallel safe
return kind = route_kind or (route_kind = 'workflow' and kind in ('dagster_job', 'dagster_asset'));
comment on function public.fn_iu_target_kind_fits(text, text) is
'Whether a route with the target kind route_kind may be promoted to a target of a kind: the same, or workflow
for a job or an asset of Dagster. The body is bound at creation and inlined.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_target_kind_fits(text, text)', 'internal'
);
