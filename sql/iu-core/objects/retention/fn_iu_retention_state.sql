-- enable_seqscan off: the oldest event of the domain is the first index entry after the last round; a scan
-- would grow with the outbox (decision 011).
create or replace function public.fn_iu_retention_state(event_domain text default 'iu')
returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    v_days constant int := public.fn_iu_retention_days();
    v_oldest public.event_outbox;
    v_overdue int;
    v_holder text;
    v_date text;
begin
    select o.* into v_oldest from public.event_outbox as o
    where o.event_domain = fn_iu_retention_state.event_domain
        and o.event_seq > public.fn_iu_retention_cut(event_domain)
    order by o.event_seq limit 1;
    v_overdue := greatest(
        floor(extract(epoch from clock_timestamp() - v_oldest.created_at) / 86400)::int - v_days, 0
    );
    if v_days > 0 and v_overdue > 0 then
        v_holder := coalesce(public.fn_iu_retention_holder(v_oldest), 'fn_iu_retention_run has not been run');
    elsif v_days > 0 then
        v_date := public.fn_iu_retention_misdated(v_oldest, v_days);
    end if;
    return jsonb_build_object(
        'event_domain', event_domain,
        'retention_days', v_days,
        'oldest_event_id', v_oldest.event_id,
        'oldest_event_at', v_oldest.created_at,
        'overdue_days', case when v_holder is null then 0 else v_overdue end,
        'held_by', coalesce(v_holder, v_date),
        'note', case
            when v_date is not null then format(
                'retention stops at event %s: %s; it and all later events stay until it is %s days old',
                v_oldest.event_id, v_date, v_days
            )
            when v_holder not like 'it is the last event that %' then format(
                'retention is held back by %s days at event %s: %s', v_overdue, v_oldest.event_id, v_holder
            )
        end,
        'dropped_up_to_seq', public.fn_iu_retention_cut(event_domain)
    );
end
$$;
comment on function public.fn_iu_retention_state(text) is
'State of retention in a domain: {"event_domain", "retention_days" (0: off), "oldest_event_id",
"oldest_event_at", "overdue_days" (how long the oldest event has been kept beyond retention_days), "held_by"
(the reason; null if nothing is overdue), "note" (a sentence for health; null if nothing needs to be done),
"dropped_up_to_seq"}. Reads the oldest event after the last round and, to check its date, some later ones.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_retention_state(text)', 'inspect');
