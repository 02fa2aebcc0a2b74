create or replace function public.fn_iu_promotion_terms_require(
    given public.iu_route_promotion, share numeric, max_failure_share numeric
)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_wrong record;
    v_domain constant text := (
        select e.event_domain from public.iu_outbound_route as r
        inner join public.event_type_registry as e on e.event_type = r.event_type
        where r.route_no = given.route_no
    );
begin
    perform public.fn_iu_argument_require('reason', given.reason, 2000);
    perform public.fn_iu_argument_require('deployment', given.deployment, 100);
    perform public.fn_iu_argument_require('start_position', given.start_position, 100);
    select w.* into v_wrong
    from (values
        (1, 'share', round(share, 5) > 0 and share <= 1, left(share::text, 80), 'from 0.00001 to 1'),
        (2, 'max_per_minute', given.max_per_minute is null or given.max_per_minute between 1 and 10000000,
            given.max_per_minute::text, 'from 1 to 10000000, or null'),
        (3, 'max_failure_share', max_failure_share between 0 and 1, left(max_failure_share::text, 80),
            'from 0 to 1'),
        (4, 'valid_for', extract(epoch from given.valid_for) > 0
            and extract(epoch from given.valid_for) < 1e9, given.valid_for::text,
            'a positive interval, for example 7 days'),
        (5, 'queued', given.queued in ('deliver', 'discard'), quote_literal(left(given.queued, 80)),
            'deliver or discard'),
        (6, 'start_position', given.start_position in ('latest', 'beginning') or exists (
            select from public.event_outbox as o
            where o.event_domain = v_domain and o.event_id = case
                when given.start_position ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
                    then given.start_position::uuid
            end
        ), quote_literal(given.start_position),
            format('latest, beginning, or the id of an event of domain %s to begin after it', v_domain))
    ) as w (place, name, is_right, seen, form)
    where w.is_right is not true order by w.place limit 1;
    if v_wrong.name is not null then
        raise exception 'argument % is %', v_wrong.name, coalesce(v_wrong.seen, 'null') using
            errcode = 'IU104', hint = format('Give %s.', v_wrong.form);
    end if;
    if given.start_position <> 'latest' and exists (
        select from public.iu_delivery_route as r where r.route_no = given.route_no
    ) then
        perform public.fn_iu_promotion_refuse(
            'start_position', given.start_position, 'latest, because the route continues where it stood'
        );
    end if;
end
$$;
comment on function public.fn_iu_promotion_terms_require(public.iu_route_promotion, numeric, numeric) is
'Raises IU104 for a malformed term of a proposal, and IU205 for a start position if the route was promoted
before. The shares are as the caller gave them: the columns of given have bounds that raise another error.
Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_promotion_terms_require(public.iu_route_promotion, numeric, numeric)', 'internal'
);
