create or replace function public.fn_iu_promotion_threshold_list()
returns table (
    threshold text, value bigint, initial_value bigint, minimum bigint, maximum bigint, description text,
    change_no int, new_value bigint, proposed_by text, proposed_at timestamptz, reason text
)
language plpgsql stable security definer rows 10
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_column
begin
    return query
    select t.threshold, t.value, t.initial_value, t.minimum, t.maximum, t.description, c.change_no,
        c.new_value, c.proposed_by, c.proposed_at, c.reason
    from public.iu_promotion_threshold as t
    left join lateral (
        select p.* from public.iu_promotion_threshold_change as p
        where p.threshold = t.threshold and not exists (
            select from public.iu_promotion_threshold_decision as d where d.change_no = p.change_no
        )
        order by p.change_no desc limit 1
    ) as c on true
    order by t.threshold;
end
$$;
comment on function public.fn_iu_promotion_threshold_list() is
'The thresholds of promotions, each with its newest proposed change that is not decided. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_threshold_list()', 'explain'
);
