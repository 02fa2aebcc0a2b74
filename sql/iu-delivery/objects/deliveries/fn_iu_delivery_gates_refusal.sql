create or replace function public.fn_iu_delivery_gates_refusal(route_code text, kind text, gates jsonb)
returns text
language sql immutable parallel safe
return (
    case
        when gates ->> public.fn_iu_gate_key('master') is distinct from 'true' then 'master_gate_closed'
        when gates ->> public.fn_iu_gate_key('delivery') is distinct from 'true' then 'delivery_gate_closed'
        when not coalesce(
            route_code = any(string_to_array(gates ->> public.fn_iu_gate_key('live_routes'), ',')), false
        ) then 'not_listed'
        when
            kind in ('dagster_job', 'dagster_asset')
            and gates ->> public.fn_iu_gate_key('jobs') is distinct from 'true' then 'jobs_gate_closed'
    end
);
comment on function public.fn_iu_delivery_gates_refusal(text, text, jsonb) is
'Which gate refuses claims of a route to a target of a kind, in one word, in the order of a claim; null if
none does: master_gate_closed, delivery_gate_closed, not_listed, jobs_gate_closed. gates has the values by
their keys, as fn_iu_delivery_gates returns them. The body is bound at creation and inlined.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_gates_refusal(text, text, jsonb)', 'internal'
);
