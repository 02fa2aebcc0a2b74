create or replace function public.fn_iu_route_check()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
    v_new constant jsonb := to_jsonb(new);
    v_old constant jsonb := case tg_op when 'UPDATE' then to_jsonb(old) else '{}' end;
    v_column text;
begin
    -- Secrets first: the other errors show the value.
    foreach v_column in array array['route_code', 'event_type', 'target_kind', 'target_ref'] loop
        if (v_new -> v_column) is distinct from (v_old -> v_column) then
            perform public.fn_iu_target_secret_refuse(v_column, v_new ->> v_column);
        end if;
    end loop;
    if (v_new -> 'route_code') is distinct from (v_old -> 'route_code') then
        perform public.fn_iu_name_require(
            'route_code', new.route_code, '^[a-z0-9_][a-z0-9_.-]{0,99}$',
            'Give 1 to 100 lower-case letters, digits, _, dots or dashes, the first no dot and no dash, such '
            'as shop.order_paid.billing.'
        );
    end if;
    if (v_new -> 'event_type') is distinct from (v_old -> 'event_type') and not exists (
        select from public.event_type_registry as r where r.event_type = new.event_type
    ) then
        raise exception 'unknown event type %', coalesce(quote_literal(left(new.event_type, 100)), 'null')
            using errcode = 'IU101', hint = format('Registered: %s. Register others with: iu type add',
                coalesce(public.fn_iu_event_type_names(enabled_only := false), 'none'));
    end if;
    if (v_new -> 'target_kind') is distinct from (v_old -> 'target_kind') and not exists (
        select from public.fn_iu_target_kinds() as k where k.kind = new.target_kind
        union all
        select from public.iu_schema_step as s
        where s.module = 'iu-delivery' and public.fn_iu_target_kind_is_own(new.target_kind)
    ) then
        raise exception 'unknown target kind %', coalesce(quote_literal(left(new.target_kind, 100)), 'null')
            using errcode = 'IU601', hint = format(
                'Known: %s. With the module iu-delivery also kinds of your own, such as acme.sqs.', (
                    select string_agg(k.kind, ', ' order by k.kind) from public.fn_iu_target_kinds() as k
                )
            );
    end if;
    if (v_new -> 'target_ref') is distinct from (v_old -> 'target_ref') then
        perform public.fn_iu_argument_require('target_ref', new.target_ref, 1000);
    end if;
    return new;
end
$$;
comment on function public.fn_iu_route_check() is
'Trigger function: checks a new outbound route, and each column of a route that changes. Raises IU602 for a
password or another secret, IU104 for a malformed code or reference, IU101 for an event type that is not
registered and IU601 for a kind of target that is unknown: with the module iu-delivery, kinds of others
(fn_iu_target_kind_is_own) are known. A route that was stored before these checks may still be enabled and
disabled.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_route_check()', 'internal');

select public.fn_iu_trigger_ensure(
    'iu-core',
    'create trigger trg_iu_route_check before insert or update on public.iu_outbound_route '
    'for each row execute function public.fn_iu_route_check()'
);
