create or replace function public.fn_iu_delivery_decide(
    target_no int, about public.iu_delivery[], decision text, reasons text[]
)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_entry public.iu_delivery_ledger;
begin
    if cardinality(about) = 0 then
        return;
    end if;
    -- The lock first, so that the numbers of the ledger of a target are in the order of its chain.
    perform public.fn_iu_target_state_lock(target_no);
    v_entry.ledger_no := nextval('public.iu_delivery_ledger_ledger_no_seq');
    v_entry.target_no := target_no;
    v_entry.kind := 'decisions';
    v_entry.entries := cardinality(about);
    with written as (
        insert into public.iu_delivery_decision as d (
            ledger_no, route_no, event_seq, event_id, decision, reason
        )
        select v_entry.ledger_no, a.route_no, a.event_seq, a.event_id, decision, reasons[place]
        from unnest(about) with ordinality as a
        cross join lateral (select least(a.ordinality, cardinality(reasons))::int as place) as p
        returning d.*
    )

    select sha256(string_agg(
        public.fn_iu_delivery_decision_content(w::public.iu_delivery_decision), '\x0a'::bytea
        order by w.decision_no
    ))
    into v_entry.entries_hash from written as w;
    perform public.fn_iu_delivery_ledger_append(v_entry);
end
$$;
comment on function public.fn_iu_delivery_decide(int, public.iu_delivery[], text, text[]) is
'Records a decision about deliveries of a target and chains it in the ledger. reasons: one for each delivery,
or one for all. Locks the state of the target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_decide(int, public.iu_delivery[], text, text[])',
    'internal'
);
