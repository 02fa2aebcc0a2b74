create or replace function public.fn_iu_event_type_check()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
    v_new jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) else '{}' end;
    v_old jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) else '{}' end;
    v_column text;
begin
    if tg_op <> 'INSERT' and (v_new -> 'event_type') is distinct from (v_old -> 'event_type') then
        perform public.fn_iu_event_type_release(old.event_type);
    end if;
    if tg_op = 'DELETE' then
        return old;
    end if;
    foreach v_column in array array[
        'event_type', 'event_domain', 'event_stream', 'delivery_lane', 'payload_classification'
    ] loop
        if (v_new -> v_column) is distinct from (v_old -> v_column) then
            perform public.fn_iu_name_require(
                v_column, v_new ->> v_column,
                case v_column when 'event_type' then '^[a-z][a-z0-9_.]{0,62}$'
                    else '^[a-z][a-z0-9_.-]{0,62}$' end,
                format('Give a lower-case letter, then up to 62 lower-case letters, digits, _%s.',
                    case v_column when 'event_type' then ' or dots, such as order_paid'
                        else ', dots or dashes' end)
            );
        end if;
    end loop;
    if (v_new -> 'event_subject_table') is distinct from (v_old -> 'event_subject_table') then
        perform public.fn_iu_argument_require('event_subject_table', new.event_subject_table, 200);
    end if;
    if (v_new -> 'payload_keys') is distinct from (v_old -> 'payload_keys') then
        perform public.fn_iu_payload_keys_require(new.payload_keys);
    end if;
    if tg_op = 'UPDATE' and new.event_domain <> old.event_domain then
        perform public.fn_iu_event_type_move(old.event_type, old.event_domain, new.event_domain);
    end if;
    return new;
end
$$;
comment on function public.fn_iu_event_type_check() is
'Trigger function: checks a new event type, and each column of an event type that changes. Raises IU104 for a
malformed name, domain, stream, lane, classification, subject table or payload key; if the domain changes
while events of the type wait; and if a type that is in use is removed or renamed.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_event_type_check()', 'internal');

select public.fn_iu_trigger_ensure(
    'iu-core',
    'create trigger trg_iu_event_type_check before insert or delete or update on public.event_type_registry '
    'for each row execute function public.fn_iu_event_type_check()'
);
